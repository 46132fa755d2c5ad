// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.ffi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The binary interface is the one that was recorded for its version. */
class AbiDumpTest {
  private static final Path ROOT = Path.of(System.getProperty("basedir")).resolve("../..");
  private static final Path RECORDED = ROOT.resolve("native/abi");

  private static final List<String> OLD =
      List.of(
          "struct xent_pair 16",
          "field xent_pair.a int64_t at 0, 8 bytes",
          "field xent_pair.b double at 8, 8 bytes",
          "constant XENT_ONE 1",
          "function int32_t xent_add(const xent_pair *pair)");

  private static String header() throws IOException {
    return AbiDump.header(ROOT.resolve("include"));
  }

  @Test
  @EnabledIfSystemProperty(named = "xent.abi.facts", matches = ".+")
  void isTheRecordedOne() throws IOException {
    String header = header();
    List<String> facts = Files.readAllLines(Path.of(System.getProperty("xent.abi.facts")));
    assertThat(AbiDump.of(header, facts))
        .as(
            "the binary interface of include/xent.h has changed: raise XENT_ABI_VERSION unless something was only"
                + " added, and record it (docs/developing/changes.md, \"Changing the C API\")")
        .isEqualTo(Files.readAllLines(RECORDED.resolve(AbiDump.version(header) + ".txt")));
  }

  /** The dump is complete: it has the type of each field, and all functions. */
  @Test
  void everyFieldHasATypeAndEveryFunctionIsThere() throws IOException {
    List<String> dump = Files.readAllLines(RECORDED.resolve(AbiDump.version(header()) + ".txt"));
    assertThat(dump).noneMatch(fact -> fact.contains(" null "));
    assertThat(dump.stream().filter(fact -> fact.startsWith("function ")).count())
        .isEqualTo(header().lines().filter(line -> line.startsWith("XENT_API ")).count());
  }

  private static List<String> changed(String from, String to) {
    List<String> now = new ArrayList<>(OLD);
    now.set(now.indexOf(from), to);
    return AbiDump.broken(OLD, now);
  }

  @Test
  void addingBreaksNothing() {
    List<String> now = new ArrayList<>(OLD);
    now.set(0, "struct xent_pair 24");
    now.add(3, "field xent_pair.c int64_t at 16, 8 bytes");
    now.add("constant XENT_TWO 2");
    assertThat(AbiDump.broken(OLD, now)).isEmpty();
  }

  @Test
  void everythingElseDoes() {
    assertThat(changed("struct xent_pair 16", "struct xent_pair 8")).hasSize(1);
    assertThat(changed(OLD.get(1), "field xent_pair.a int64_t at 8, 8 bytes")).hasSize(1);
    assertThat(changed(OLD.get(2), "field xent_pair.b int64_t at 8, 8 bytes")).hasSize(1);
    assertThat(changed("constant XENT_ONE 1", "constant XENT_ONE 2")).hasSize(1);
    assertThat(changed(OLD.get(4), "function int32_t xent_add(xent_pair *pair)")).hasSize(1);
    assertThat(AbiDump.broken(OLD, OLD.subList(0, 4))).containsExactly(OLD.get(4));
  }
}
