// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import dev.xent.cli.Json;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Formats the output of {@code --json}. */
final class JsonReport {
  private static final MathContext DIGITS = new MathContext(6);

  private JsonReport() {}

  /**
   * Results as one object on one line.
   *
   * @param busy whether the machine was busy with other work
   */
  static String line(Machine machine, boolean busy, List<Result> results) {
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("cpu", machine.cpu());
    report.put("jdk", machine.jdk());
    report.put("busy", busy);
    report.put("results", results.stream().map(JsonReport::members).toList());
    return Json.line(report);
  }

  private static Map<String, Object> members(Result result) {
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("op", result.operation().toString());
    members.put("shape", result.shape().sizes());
    members.put("axis", result.shape().axis());
    members.put("dtype", "f32");
    members.put("isa", result.tier().isaName());
    members.put("backend", result.tier().backendName());
    members.put("threads", result.threads());
    members.put("ns_per_element", rounded(result.nanoseconds().median()));
    members.put("best_ns_per_element", rounded(result.nanoseconds().best()));
    members.put("memcpy_ns_per_element", rounded(result.memory().copy()));
    members.put("read_ns_per_element", rounded(result.memory().read()));
    return members;
  }

  private static double rounded(double nanoseconds) {
    return new BigDecimal(nanoseconds, DIGITS).doubleValue();
  }
}
