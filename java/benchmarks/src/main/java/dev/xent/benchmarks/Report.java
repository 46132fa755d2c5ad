// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.xent.XentRuntime;
import dev.xent.cli.bench.Machine;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The JSON of a run: the machine, and every round of every candidate. */
final class Report {
  private Report() {}

  static String of(List<Row> rows, Launcher launcher) throws IOException {
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("cpu", Machine.here().cpu());
    report.put("pinned", launcher.cpus());
    report.put("jdk", Runtime.version().toString());
    report.put("xent", XentRuntime.get().toString());
    report.put("tolerance", Rows.TOLERANCE);
    report.put("tolerance_float64", Rows.TOLERANCE_FLOAT64);
    List<Object> results = new ArrayList<>();
    for (Row row : rows) {
      row.results().forEach(result -> results.add(of(row.what(), result)));
    }
    report.put("results", results);
    return JSON.std.with(JSON.Feature.WRITE_NULL_PROPERTIES).asString(report) + "\n";
  }

  private static Map<String, Object> of(Case what, Result result) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("op", what.operation().toString());
    fields.put("shape", what.shape().dims());
    fields.put("axis", what.shape().axis());
    fields.put("candidate", result.candidate());
    fields.put("way", result.way());
    fields.put("error", Double.isFinite(result.error()) ? result.error() : "nan");
    fields.put("passed", result.passed());
    if (result.passed()) {
      double elements = what.shape().elements();
      fields.put("ns_per_element", result.median() / elements);
      fields.put("best_ns_per_element", result.best() / elements);
      fields.put("rounds_ns", result.nanos());
    }
    return fields;
  }
}
