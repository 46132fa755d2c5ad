// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.util.Arrays;
import java.util.List;

/** A collector of the JVM under load. */
enum Collector {
  G1("-XX:+UseG1GC"),
  /** What a JVM chooses by itself where it has one processor, as in a small container. */
  SERIAL("-XX:ActiveProcessorCount=1", "-XX:+UseSerialGC"),
  PARALLEL("-XX:+UseParallelGC"),
  SHENANDOAH("-XX:+UseShenandoahGC"),
  Z("-XX:+UseZGC");

  private final List<String> options;

  Collector(String... options) {
    this.options = List.of(options);
  }

  List<String> options() {
    return options;
  }

  /** All but G1, which most of the load runs with. */
  static List<Collector> others() {
    return Arrays.stream(values()).filter(each -> each != G1).toList();
  }
}
