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

/**
 * The same results from two backends, bit by bit.
 *
 * @param compared the number of compared values
 * @param differ the number of values with different bits
 */
record BitCheck(long compared, long differ) {

  /** Compares softmax, log-softmax, losses and gradient of a native kernel with the reference. */
  static BitCheck of(Tensor logits, Tensor labels, Isa isa) {
    long compared = 0;
    long differ = 0;
    try (Arena arena = Arena.ofConfined()) {
      List<Tensor> ours = compute(logits, labels, Backend.NATIVE, isa, arena);
      List<Tensor> theirs = compute(logits, labels, Backend.REFERENCE, Isa.BEST, arena);
      for (int i = 0; i < ours.size(); i++) {
        compared += ours.get(i).elements();
        differ += different(ours.get(i).segment(), theirs.get(i).segment());
      }
    }
    return new BitCheck(compared, differ);
  }

  private static List<Tensor> compute(
      Tensor logits, Tensor labels, Backend backend, Isa isa, Arena arena) {
    Execution execution = Execution.defaults().withBackend(backend).withIsa(isa);
    Tensor probabilities = Tensor.allocate(arena, DType.F32, logits.shape());
    Tensor logProbabilities = Tensor.allocate(arena, DType.F32, logits.shape());
    Tensor gradient = Tensor.allocate(arena, DType.F32, logits.shape());
    Tensor losses = Tensor.allocate(arena, DType.F32, labels.shape());
    Softmax.builder().axis(1).execution(execution).build().forward(logits, probabilities);
    LogSoftmax.builder().axis(1).execution(execution).build().forward(logits, logProbabilities);
    CrossEntropy.builder()
        .execution(execution)
        .build()
        .on(logits, labels, gradient)
        .outputs(LossOutputs.create().losses(losses))
        .run();
    return List.of(probabilities, logProbabilities, gradient, losses);
  }

  private static long different(MemorySegment a, MemorySegment b) {
    long different = 0;
    long size = a.byteSize();
    long mismatch = a.mismatch(b);
    for (long at = 0; mismatch >= 0; mismatch = MemorySegment.mismatch(a, at, size, b, at, size)) {
      different++;
      at += (mismatch / Float.BYTES + 1) * Float.BYTES;
    }
    return different;
  }
}
