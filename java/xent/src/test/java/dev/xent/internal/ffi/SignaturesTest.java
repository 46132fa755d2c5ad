// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.ffi;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.kernels.Descriptors;
import dev.xent.internal.load.Backends;
import dev.xent.options.Backend;
import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The function descriptors for the linker match the declarations of the headers. */
class SignaturesTest {
  private static final Path HEADERS =
      Path.of(System.getProperty("basedir")).resolve("../../include");
  private static final Pattern COMMENT = Pattern.compile("/\\*.*?\\*/", Pattern.DOTALL);
  private static final Pattern FUNCTION =
      Pattern.compile("^XENT_API ([^;{}(]*?)(xent_\\w+)\\(([^)]*)\\);", Pattern.MULTILINE);
  private static final String DESCRIPTOR = "$descriptor";

  @Test
  void bindingsAreThoseOfTheHeader() throws Exception {
    Backends.get().kernels(Backend.NATIVE); // descriptors look their functions up
    Map<String, List<String>> header = header();
    List<String> bound = new ArrayList<>();
    for (Method method : XentH.class.getMethods()) {
      if (method.getName().endsWith(DESCRIPTOR)) {
        String name = method.getName().replace(DESCRIPTOR, "");
        assertThat(types((FunctionDescriptor) method.invoke(null)))
            .as(name)
            .isEqualTo(header.get(name));
        bound.add(name);
      }
    }
    assertThat(bound).hasSizeGreaterThan(9);
  }

  /** Addresses of structs are numbers in them. */
  @Test
  void descriptorsByHandAreThoseOfTheHeader() throws IOException {
    Map<String, List<String>> header = header();
    for (Descriptors.ByHand made : Descriptors.byHand()) {
      List<String> declared = new ArrayList<>(header.get(made.function()));
      List<String> structs = declared.subList(1, declared.lastIndexOf("long"));
      structs.replaceAll(type -> type.equals("address") ? "long" : type);
      if (made.passesNumbers()) {
        declared.replaceAll(type -> type.equals("address") ? "long" : type);
      }
      assertThat(types(made.descriptor())).as(made.function()).isEqualTo(declared);
    }
  }

  /** What a function returns, then its arguments. */
  private static Map<String, List<String>> header() throws IOException {
    String bare =
        COMMENT
            .matcher(
                Files.readString(HEADERS.resolve("xent.h"))
                    + Files.readString(HEADERS.resolve("xent_bindings.h")))
            .replaceAll(" ");
    return FUNCTION
        .matcher(bare)
        .results()
        .collect(
            toMap(
                function -> function.group(2),
                function ->
                    Stream.concat(
                            Stream.of(function.group(1)),
                            Arrays.stream(function.group(3).split(","))
                                .filter(argument -> !argument.equals("void")))
                        .map(SignaturesTest::type)
                        .toList()));
  }

  private static String type(String declaration) {
    if (declaration.contains("*")) {
      return "address";
    }
    String type = declaration.strip().split(" ")[0];
    return switch (type) {
      case "xent_status", "int32_t", "uint32_t" -> "int";
      case "int64_t", "uint64_t" -> "long";
      case "double" -> type;
      default -> throw new AssertionError(declaration);
    };
  }

  private static List<String> types(FunctionDescriptor descriptor) {
    return Stream.concat(descriptor.returnLayout().stream(), descriptor.argumentLayouts().stream())
        .map(SignaturesTest::type)
        .toList();
  }

  private static String type(MemoryLayout layout) {
    return layout instanceof java.lang.foreign.AddressLayout
        ? "address"
        : ((ValueLayout) layout).carrier().getSimpleName();
  }
}
