// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import dev.xent.options.Isa;
import org.junit.jupiter.api.Test;

class XentRuntimeTest {
  private final XentRuntime runtime = XentRuntime.get();

  @Test
  void theVersionIsThatOfTheBuild() {
    assertThat(runtime.version()).matches("\\d+\\.\\d+\\.\\d+(-rc\\d+|-SNAPSHOT)?");
  }

  @Test
  void theInterfaceAndTheArithmeticHaveTheirVersions() {
    assertThat(runtime.abiVersion()).isEqualTo(1);
    assertThat(runtime.numericsVersion()).isEqualTo(1);
  }

  @Test
  void eitherALibraryOrAReasonWhyThereIsNone() {
    boolean isNative = runtime.backend() == Backend.NATIVE;
    assertThat(runtime.libraryLocation() != null).isEqualTo(isNative);
    assertThat(runtime.fallbackReason() == null).isEqualTo(isNative);
  }

  @Test
  void theChosenInstructionSetIsAnAvailableOne() {
    assertThat(runtime.availableIsas())
        .startsWith(Isa.SCALAR)
        .contains(runtime.isa())
        .doesNotContain(Isa.BEST)
        .isSorted();
  }

  @Test
  void oneLineSaysItAll() {
    assertThat(runtime.toString())
        .startsWith("xent " + runtime.version() + ", ")
        .endsWith(", numerics 1")
        .doesNotContain("\n");
  }
}
