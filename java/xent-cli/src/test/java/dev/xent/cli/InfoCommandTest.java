// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Cli.xent;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.InstanceOfAssertFactories.LIST;

import dev.xent.XentRuntime;
import java.util.Map;
import org.junit.jupiter.api.Test;

class InfoCommandTest {
  @Test
  void printsOneObject() {
    XentRuntime runtime = XentRuntime.get();
    Map<String, Object> facts = xent("info", "--json").succeeds().json();
    assertThat(facts)
        .containsEntry("version", runtime.version())
        .containsEntry("abi", runtime.abiVersion())
        .containsEntry("numerics", runtime.numericsVersion())
        .containsEntry("backend", "native")
        .containsEntry("library", runtime.libraryLocation())
        .containsEntry("fallback", null)
        .containsEntry("unpinned", runtime.unpinnedReason())
        .containsEntry("threads", runtime.threads());
    assertThat(facts.get("available")).asInstanceOf(LIST).contains("scalar", facts.get("isa"));
  }

  @Test
  void saysTheSameToPeople() {
    assertThat(xent("info").succeeds().out())
        .contains("version", "backend", "native", "available", "library", "threads", "java")
        .doesNotContain("fallback");
  }

  @Test
  void showsWhatOptionsComeTo() {
    assertThat(xent("info", "--json", "--isa", "scalar").json()).containsEntry("isa", "scalar");
    assertThat(xent("info", "--json", "--backend", "reference").json())
        .containsEntry("backend", "reference");
    assertThat(xent("info", "--json", "--threads", 3).json()).containsEntry("threads", 3);
  }
}
