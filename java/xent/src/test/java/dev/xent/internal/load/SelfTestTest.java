// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.kernels.reference.ReferenceKernels;
import dev.xent.options.Isa;
import java.util.List;
import org.junit.jupiter.api.Test;

class SelfTestTest {
  /** So the expected bits are those of the contract. LoaderTest has a library that fails. */
  @Test
  void theReferencePasses() {
    assertThat(SelfTest.failure(new ReferenceKernels(), List.of(Isa.SCALAR))).isNull();
  }
}
