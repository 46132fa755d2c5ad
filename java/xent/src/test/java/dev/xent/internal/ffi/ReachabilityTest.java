// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.ffi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.XentRuntime;
import dev.xent.internal.kernels.Descriptors;
import dev.xent.options.Backend;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/**
 * The metadata for GraalVM's native-image lists every call that the bindings and the critical calls
 * make. No test builds or runs an image.
 */
class ReachabilityTest {
  private static final String METADATA =
      "/META-INF/native-image/dev.xent/xent/reachability-metadata.json";
  private static final String CRITICAL =
      ", \"options\": {\"critical\": {\"allowHeapAccess\": true}}";

  @Test
  void everyDowncallIsInTheMetadata() throws Exception {
    Assumptions.assumeTrue(
        XentRuntime.get().backend() == Backend.NATIVE, "descriptors need the native library");
    TreeSet<String> calls = new TreeSet<>();
    for (Method method : XentH.class.getMethods()) {
      if (method.getName().endsWith("$descriptor")) {
        calls.add(call(descriptor(method.getName()), ""));
      }
    }
    for (Descriptors.ByHand made : Descriptors.byHand()) {
      calls.add(call(made.descriptor(), ""));
      calls.add(call(made.descriptor(), CRITICAL));
    }
    calls.add(call(XentH.xent_exact_sum_add$descriptor(), CRITICAL));
    assertThat(calls).hasSizeGreaterThan(10);
    assertThat(metadata()).contains("\"downcalls\": [\n" + String.join(",\n", calls) + "\n    ]");
  }

  /** The option of critical calls has another name in older JDKs, so it is looked up. */
  @Test
  void everyMethodThatIsLookedUpIsInTheMetadata() throws IOException {
    assertThat(metadata())
        .contains(
            """
              "reflection": [
                {"type": "java.lang.foreign.Linker$Option", "methods": [
                  {"name": "critical", "parameterTypes": ["boolean"]},
                  {"name": "isTrivial", "parameterTypes": []}
                ]}
              ],
            """);
  }

  private static String metadata() throws IOException {
    try (InputStream stream = XentH.class.getResourceAsStream(METADATA)) {
      assertThat(stream).as(METADATA).isNotNull();
      return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static FunctionDescriptor descriptor(String method) throws ReflectiveOperationException {
    return (FunctionDescriptor) XentH.class.getMethod(method).invoke(null);
  }

  private static String call(FunctionDescriptor descriptor, String options) {
    return "      {\"returnType\": %s, \"parameterTypes\": [%s]%s}"
        .formatted(
            descriptor.returnLayout().map(ReachabilityTest::type).orElse("\"void\""),
            descriptor.argumentLayouts().stream()
                .map(ReachabilityTest::type)
                .collect(Collectors.joining(", ")),
            options);
  }

  private static String type(MemoryLayout layout) {
    return switch (layout) {
      case AddressLayout address -> "\"void*\"";
      case ValueLayout.OfInt number -> "\"int\"";
      case ValueLayout.OfLong number -> "\"long long\"";
      case ValueLayout.OfDouble number -> "\"double\"";
      default -> throw new AssertionError(layout);
    };
  }
}
