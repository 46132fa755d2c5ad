// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Arguments.NULL;
import static dev.xent.internal.kernels.reference.ContractRow.spellOne;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.kernels.PlainKernels;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.plan.options.Options;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The reference computes the bits of conformance/numerics.md without the native library. */
class ContractTest {
  private final PlainKernels kernels = new PlainKernels(new ReferenceKernels());

  static List<ContractRow> rows() {
    return ContractRow.all();
  }

  @ParameterizedTest
  @MethodSource("rows")
  void softmaxAndLogSoftmax(ContractRow row) {
    try (Arena arena = Arena.ofConfined()) {
      Arguments call = new Arguments(arena, 1, row.classes());
      MemorySegment x = call.floats(row.values());
      MemorySegment y = call.elements();
      int n = row.classes();
      int status =
          kernels.softmaxForward(call.shape, call.options, 0, 1, 0, n, x, NULL, y, call.report);
      assertThat(status).isEqualTo(Status.OK);
      assertThat(row.spell(y)).isEqualTo(row.softmax());

      kernels.logSoftmaxForward(call.shape, call.options, 0, 1, 0, n, x, NULL, y, call.report);
      assertThat(row.spell(y)).isEqualTo(row.logSoftmax());

      MemorySegment lse = call.perRow();
      kernels.logSumExp(call.shape, call.options, 0, 1, x, lse, call.report);
      assertThat(spellOne(lse)).isEqualTo(row.logSumExp());

      kernels.softmaxForward(call.shape, call.options, 0, 1, 0, n, x, NULL, x, call.report);
      assertThat(row.spell(x)).as("in place").isEqualTo(row.softmax());
    }
  }

  @ParameterizedTest
  @MethodSource("rows")
  void crossEntropy(ContractRow row) {
    try (Arena arena = Arena.ofConfined()) {
      Arguments call = new Arguments(arena, 1, row.classes());
      Options.writeScale(call.options, row.scale());
      MemorySegment x = call.floats(row.values());
      MemorySegment label = call.labels(row.label());
      MemorySegment loss = call.perRow();
      MemorySegment lse = call.perRow();
      MemorySegment gradient = call.elements();
      MemorySegment statistics = call.statistics();
      int status =
          kernels.crossEntropyForward(
              call.shape,
              call.options,
              0,
              1,
              x,
              label,
              loss,
              lse,
              NULL,
              gradient,
              statistics,
              NULL,
              call.report);
      assertThat(status).isEqualTo(Status.OK);
      assertThat(spellOne(loss)).isEqualTo(row.loss());
      assertThat(spellOne(lse)).isEqualTo(row.crossEntropyLogSumExp());
      assertThat(row.spell(gradient)).isEqualTo(row.gradient());

      kernels.crossEntropyBackward(
          call.shape,
          call.options,
          0,
          1,
          0,
          row.classes(),
          x,
          label,
          statistics,
          NULL,
          x,
          call.report);
      assertThat(row.spell(x)).as("backward in place").isEqualTo(row.gradient());
    }
  }
}
