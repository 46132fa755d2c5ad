// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** What a failure prints can be replayed. */
class SampleTextTest extends Laws {
  @Property(tries = 100)
  void whatIsPrintedIsReadAgain(@ForAll("samples") Sample sample) {
    assertThat(SampleText.parse(sample.toString())).isEqualTo(sample);
  }

  @Example
  void wordsThatNoSampleHas() {
    assertThatThrownBy(() -> SampleText.parse("sizes=2x3 colour=red"))
        .hasMessageContaining("colour");
    assertThatThrownBy(() -> SampleText.parse("sizes=2x3 kind=RED")).hasMessageContaining("kind");
  }
}
