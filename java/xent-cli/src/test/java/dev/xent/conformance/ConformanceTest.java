// SPDX-License-Identifier: Apache-2.0
package dev.xent.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.load.Backends;
import dev.xent.internal.load.Codes;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Both implementations against the expected bits of conformance/. */
class ConformanceTest {
  private static final List<ConformanceCase> CASES = ConformanceCase.all();

  @Test
  void theCasesAreOfThisVersion() {
    int numerics = ConformanceCase.index(index -> ((Number) index.get("numerics")).intValue());
    assertThat(numerics).isEqualTo(XentH.XENT_NUMERICS_VERSION());
  }

  @ParameterizedTest
  @EnumSource(
      value = Backend.class,
      names = {"NATIVE", "REFERENCE"})
  void everyCaseHasItsBits(Backend backend) {
    Kernels kernels = Backends.get().kernels(backend);
    List<Isa> isas = backend == Backend.NATIVE ? Backends.get().availableIsas() : List.of(Isa.BEST);
    long compared = 0;
    for (Isa isa : isas) {
      for (ConformanceCase c : CASES) {
        compared += compare(kernels, isa, c, false);
        if (!c.parts.isEmpty()) {
          compared += compare(kernels, isa, c, true);
        }
      }
    }
    System.out.printf(
        "expected = %s %s: %d cases, %,d values compared, 0 differ%n",
        backend, isas, CASES.size(), compared);
    assertThat(compared).isGreaterThan(0);
  }

  private static long compare(Kernels kernels, Isa isa, ConformanceCase c, boolean inParts) {
    try (Arena arena = Arena.ofConfined()) {
      ConformanceRun run = new ConformanceRun(arena, kernels, Codes.of(isa), c);
      run.run(inParts);
      return run.compare();
    } catch (AssertionError e) {
      throw new AssertionError(
          c + (inParts ? ", in parts, " : ", ") + isa + ": " + e.getMessage(), e);
    }
  }
}
