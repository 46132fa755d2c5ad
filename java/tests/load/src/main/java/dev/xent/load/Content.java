// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import dev.xent.DType;
import dev.xent.Softmax;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/** Creates input numbers. */
final class Content {
  private final Arena arena;
  private long seed = 1;

  Content(Arena arena) {
    this.arena = arena;
  }

  /** Typical logits of networks; each tensor has one -inf and one large logit. */
  Tensor logits(DType type, long... shape) {
    Tensor values = Tensor.allocate(arena, type, shape);
    SplittableRandom random = new SplittableRandom(seed++);
    long elements = values.elements();
    Tensor line = values.reshape(elements);
    for (long i = 0; i < elements; i++) {
      line.setDouble(4 * (random.nextDouble() + random.nextDouble() - 1), i);
    }
    if (elements > 100) {
      line.setDouble(Double.NEGATIVE_INFINITY, random.nextLong(elements));
      line.setDouble(300, random.nextLong(elements));
    }
    return values;
  }

  /** Rows of probabilities along axis 1. */
  Tensor probabilities(DType type, long... shape) {
    Tensor values = logits(type, shape);
    Softmax.builder().axis(1).build().forward(values, values);
    return values;
  }

  /** Class indices; every eleventh is the ignore index. */
  Tensor labels(DType type, long classes, long ignored, long... shape) {
    Tensor values = Tensor.allocate(arena, type, shape);
    SplittableRandom random = new SplittableRandom(seed++);
    MemorySegment memory = values.segment();
    for (long i = 0; i < values.elements(); i++) {
      long label = i % 11 == 10 ? ignored : random.nextLong(classes);
      if (type == DType.I64) {
        memory.setAtIndex(ValueLayout.JAVA_LONG, i, label);
      } else {
        memory.setAtIndex(ValueLayout.JAVA_INT, i, (int) label);
      }
    }
    return values;
  }

  /** Weights between a half and one and a half. */
  Tensor weights(DType type, long count) {
    Tensor values = Tensor.allocate(arena, type, count);
    SplittableRandom random = new SplittableRandom(seed++);
    for (long i = 0; i < count; i++) {
      values.setDouble(0.5 + random.nextDouble(), i);
    }
    return values;
  }
}
