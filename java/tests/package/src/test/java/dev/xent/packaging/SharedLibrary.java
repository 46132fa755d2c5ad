// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** What {@code readelf} and {@code objdump} say of a shared library. */
final class SharedLibrary {
  private static final Pattern SYMBOL =
      Pattern.compile("^ *\\d+: +[0-9a-f]+ +\\S+ +\\S+ +\\S+ +\\S+ +(\\S+) +([^@\\s]+)");

  /** A protection, and the line that is there with it. */
  private static final Map<String, Pattern> PRESENT =
      Map.of(
          "read-only relocations (-z relro)", Pattern.compile("^ *GNU_RELRO "),
          "immediate binding (-z now)", Pattern.compile("\\(FLAGS\\) +.*BIND_NOW"),
          "a stack that cannot be executed (-z noexecstack)",
              Pattern.compile("^ *GNU_STACK .* RW +0x"),
          "stack protection (-fstack-protector-strong)", Pattern.compile("%fs:0x28\\b"),
          "marked indirect jumps (-fcf-protection)", Pattern.compile("x86 feature: .*\\bIBT\\b"),
          "a shadow stack (-fcf-protection)", Pattern.compile("x86 feature: .*\\bSHSTK\\b"));

  /** A fault, and the line that is there with it. */
  private static final Map<String, Pattern> ABSENT =
      Map.of(
          "relocations in its code", Pattern.compile("\\bTEXTREL\\b"),
          "memory that can be written and executed", Pattern.compile("^ *LOAD .* RWE "),
          "a place of its own to look for libraries", Pattern.compile("\\((RPATH|RUNPATH)\\)"));

  private final List<String> lines;

  SharedLibrary(Path library, Path folder) {
    lines = new ArrayList<>();
    List<String> headers =
        List.of("readelf", "--wide", "--segments", "--dynamic", "--notes", "--dyn-syms");
    // The first use of the canary; the function that is called where it was overwritten has no
    // name.
    String canary = "objdump -d --no-show-raw-insn \"$0\" | grep -m 1 %fs:0x28 || true";
    for (List<String> command : List.of(headers, List.of("sh", "-c", canary))) {
      List<String> whole = new ArrayList<>(command);
      whole.add(library.toString());
      lines.addAll(Processes.runWell(folder, whole).out());
    }
  }

  /** What is wrong with it, in words; empty: nothing. */
  List<String> faults() {
    List<String> faults = new ArrayList<>();
    PRESENT.forEach(
        (name, sign) -> {
          if (!has(sign)) {
            faults.add("lacks " + name);
          }
        });
    ABSENT.forEach(
        (name, sign) -> {
          if (has(sign)) {
            faults.add("has " + name);
          }
        });
    return faults;
  }

  private boolean has(Pattern sign) {
    return lines.stream().anyMatch(line -> sign.matcher(line).find());
  }

  /** The names that others can bind to. */
  SortedSet<String> exports() {
    SortedSet<String> names = new TreeSet<>();
    for (String line : lines) {
      SYMBOL
          .matcher(line)
          .results()
          .filter(symbol -> !symbol.group(1).equals("UND"))
          .map(symbol -> symbol.group(2))
          .forEach(names::add);
    }
    return names;
  }
}
