// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Whether a Java array stays where it is while a native method uses it. Native methods pin arrays,
 * which some versions of the G1 collector do not handle correctly. The linker pins nothing: a
 * critical call stays in the Java thread state without a safepoint, and G1 moves objects only at
 * safepoints.
 */
final class Pinning {
  private static final int NEVER = Integer.MAX_VALUE;

  private Pinning() {}

  /**
   * Returns why native methods must not be passed Java arrays in this JVM.
   *
   * @return a sentence; null if arrays can be pinned
   */
  static @Nullable String refusal() {
    if (!Jni.BOUND) {
      return "the library has no native methods of the class " + Jni.class.getName();
    }
    String refusal = refusal(Runtime.version(), Pinning::collectors);
    return refusal == null && Jni.pins(new byte[1]) == 0
        ? "this JVM passes copies of Java arrays to native methods, as with -Xcheck:jni"
        : refusal;
  }

  /**
   * Returns why a JVM does not keep pinned arrays in place.
   *
   * @param collectors the names of its collectors; not called if the version is correct
   */
  static @Nullable String refusal(Runtime.Version version, Supplier<List<String>> collectors) {
    if (version.update() >= firstCorrectUpdate(version.feature())
        || collectors.get().stream().noneMatch(name -> name.startsWith("G1 "))) {
      return null;
    }
    return "the G1 collector of Java "
        + (version.feature() + "." + version.interim() + "." + version.update())
        + " does not always keep pinned arrays in place (JDK-8377811);"
        + " use Java 25.0.3, 26.0.1 or newer, or another collector";
  }

  /**
   * The first update of a Java version whose G1 keeps pinned arrays in place. Before Java 22, G1
   * does not start while an array is pinned. Java 22 to 24 have the first versions of region
   * pinning (JEP 423), whose faults (JDK-8329528, JDK-8352508) were not all corrected there. In
   * Java 25 and 26, an optional evacuation moves pinned arrays (JDK-8377811, corrected in 25.0.3;
   * 26 had been built before).
   */
  private static int firstCorrectUpdate(int feature) {
    return switch (feature) {
      case 22, 23, 24 -> NEVER;
      case 25 -> 3;
      case 26 -> 1;
      default -> 0;
    };
  }

  /** Those of G1 without java.management, which an image of jlink may lack. */
  private static List<String> collectors() {
    try {
      return ManagementFactory.getGarbageCollectorMXBeans().stream()
          .map(GarbageCollectorMXBean::getName)
          .toList();
    } catch (LinkageError e) {
      return List.of("G1 Young Generation");
    }
  }
}
