// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.demo;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Execution;
import dev.xent.LogSoftmax;
import dev.xent.LossOutputs;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Computes the same results on two backends and counts the values whose bits differ. */
final class BitCheck {
  private long compared;
  private long differ;

  /** The number of compared values. */
  long compared() {
    return compared;
  }

  /** The number of values with different bits. */
  long differ() {
    return differ;
  }

  /** Compares softmax, log-softmax, losses and gradient of a native kernel with the reference. */
  void add(Tensor logits, Tensor labels, Isa isa) {
    try (Arena arena = Arena.ofConfined()) {
      List<Tensor> ours = compute(logits, labels, Backend.NATIVE, isa, arena);
      List<Tensor> theirs = compute(logits, labels, Backend.REFERENCE, Isa.BEST, arena);
      for (int i = 0; i < ours.size(); i++) {
        count(ours.get(i), theirs.get(i));
      }
    }
  }

  private static List<Tensor> compute(
      Tensor logits, Tensor labels, Backend backend, Isa isa, Arena arena) {
    Tensor probabilities = Tensor.allocate(arena, DType.F32, logits.shape());
    Tensor logProbabilities = Tensor.allocate(arena, DType.F32, logits.shape());
    Tensor gradient = Tensor.allocate(arena, DType.F32, logits.shape());
    Tensor losses = Tensor.allocate(arena, DType.F32, labels.shape());
    Softmax.builder()
        .axis(1)
        .execution(Execution.defaults().backend(backend).isa(isa))
        .build()
        .forward(logits, probabilities);
    LogSoftmax.builder()
        .axis(1)
        .execution(Execution.defaults().backend(backend).isa(isa))
        .build()
        .forward(logits, logProbabilities);
    CrossEntropy.builder()
        .execution(Execution.defaults().backend(backend).isa(isa))
        .build()
        .on(logits, labels)
        .gradient(gradient)
        .outputs(new LossOutputs().losses(losses))
        .run();
    return List.of(probabilities, logProbabilities, gradient, losses);
  }

  private void count(Tensor ours, Tensor theirs) {
    compared += ours.elements();
    MemorySegment a = ours.segment();
    MemorySegment b = theirs.segment();
    long size = a.byteSize();
    for (long at = 0; at < size; ) {
      long mismatch = MemorySegment.mismatch(a, at, size, b, at, size);
      if (mismatch < 0) {
        return;
      }
      differ++;
      at += (mismatch / Float.BYTES + 1) * Float.BYTES;
    }
  }
}
