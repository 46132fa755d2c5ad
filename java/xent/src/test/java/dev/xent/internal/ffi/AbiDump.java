// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.ffi;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The binary interface of xent.h as text, one fact per line: sizes of structs, types, offsets and
 * sizes of their fields, values of constants, signatures of functions. Facts of the compiler come
 * from native/test/abi_facts.c, the rest from the header itself. The class needs only the JDK, so
 * that it can run by itself; docs/developing/changes.md says how.
 */
public final class AbiDump {
  private static final Pattern COMMENT = Pattern.compile("/\\*.*?\\*/|//[^\n]*", Pattern.DOTALL);
  private static final Pattern STRUCT =
      Pattern.compile("typedef struct (\\w+) \\{(.*?)\\} \\1;", Pattern.DOTALL);
  private static final Pattern FIELD =
      Pattern.compile("\\s*((?:const )?\\w+)\\s+(.*)", Pattern.DOTALL);
  private static final Pattern NAME = Pattern.compile("\\s*(\\*?)(\\w+)(\\[\\d+\\])?\\s*");
  private static final Pattern FUNCTION =
      Pattern.compile("^XENT_API ([^;{}]+);", Pattern.MULTILINE);
  private static final Pattern VERSION =
      Pattern.compile("^#define XENT_ABI_VERSION (\\d+)", Pattern.MULTILINE);
  private static final Pattern SIZE = Pattern.compile("struct (\\w+) (\\d+)");

  private AbiDump() {}

  /** The text of xent.h, and of xent_bindings.h. */
  static String header(Path folder) throws IOException {
    return Files.readString(folder.resolve("xent.h"))
        + Files.readString(folder.resolve("xent_bindings.h"));
  }

  /** The ABI version in a header. */
  static int version(String header) {
    Matcher version = VERSION.matcher(header);
    if (!version.find()) {
      throw new IllegalArgumentException("the header has no XENT_ABI_VERSION");
    }
    return Integer.parseInt(version.group(1));
  }

  /**
   * The facts, in the order of the compiler's, then the functions.
   *
   * @param header the text of xent.h
   * @param facts what abi_facts printed
   */
  static List<String> of(String header, List<String> facts) {
    String bare = COMMENT.matcher(header).replaceAll(" ");
    Map<String, String> types = fieldTypes(bare);
    List<String> dump = new ArrayList<>();
    for (String fact : facts) {
      String[] words = fact.split(" ");
      dump.add(
          words[0].equals("field")
              ? "field %s.%s %s at %s, %s bytes"
                  .formatted(
                      words[1], words[2], types.get(words[1] + "." + words[2]), words[3], words[4])
              : fact);
    }
    FUNCTION
        .matcher(bare)
        .results()
        .map(function -> function.group(1).replaceAll("\\s+", " ").strip())
        .forEach(
            signature ->
                dump.add(
                    "function "
                        + signature.replace("( ", "(").replace(" ,", ",").replace(" )", ")")));
    return dump;
  }

  private static Map<String, String> fieldTypes(String bare) {
    Map<String, String> types = new HashMap<>();
    STRUCT
        .matcher(bare)
        .results()
        .forEach(
            struct -> {
              for (String declaration : struct.group(2).split(";")) {
                Matcher fields = FIELD.matcher(declaration);
                if (!fields.matches()) {
                  continue;
                }
                for (String one : fields.group(2).split(",")) {
                  Matcher field = NAME.matcher(one);
                  if (field.matches()) {
                    String pointer = field.group(1).isEmpty() ? "" : " *";
                    String count = field.group(3) == null ? "" : field.group(3);
                    types.put(
                        struct.group(1) + "." + field.group(2), fields.group(1) + pointer + count);
                  }
                }
              }
            });
    return types;
  }

  /**
   * What a caller that was compiled against the old interface would trip over in the new one of the
   * same version: facts that are gone or changed. Structs may grow at their end, and facts be
   * added.
   */
  static List<String> broken(List<String> old, List<String> now) {
    Map<String, Long> sizes = new HashMap<>();
    for (String fact : now) {
      Matcher size = SIZE.matcher(fact);
      if (size.matches()) {
        sizes.put(size.group(1), Long.parseLong(size.group(2)));
      }
    }
    List<String> gone = new ArrayList<>();
    for (String fact : old) {
      Matcher size = SIZE.matcher(fact);
      boolean kept =
          size.matches()
              ? sizes.getOrDefault(size.group(1), 0L) >= Long.parseLong(size.group(2))
              : now.contains(fact) || fact.startsWith("constant XENT_NUMERICS_VERSION ");
      if (!kept) {
        gone.add(fact);
      }
    }
    return gone;
  }

  /**
   * Writes the dump of a header's ABI version, unless it breaks the one that is there.
   *
   * @param arguments the folder of the headers, what abi_facts printed, the folder of the dumps
   * @throws IOException when something cannot be read or written
   */
  public static void main(String[] arguments) throws IOException {
    String header = header(Path.of(arguments[0]));
    List<String> dump = of(header, Files.readAllLines(Path.of(arguments[1])));
    Path file = Path.of(arguments[2]).resolve(version(header) + ".txt");
    List<String> broken = Files.exists(file) ? broken(Files.readAllLines(file), dump) : List.of();
    if (!broken.isEmpty()) {
      System.err.println(
          file + " is not written again: raise XENT_ABI_VERSION, as these are gone:");
      broken.forEach(System.err::println);
      System.exit(1);
    }
    Files.write(file, dump);
  }
}
