// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import static dev.xent.cli.Messages.message;

import com.samskivert.mustache.Mustache;
import dev.xent.XentRuntime;
import dev.xent.cli.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * One page with charts that loads no other files: it contains its styles, its script and the chart
 * library. Without the script, it still has all numbers in tables.
 */
final class HtmlReport {
  private static final DateTimeFormatter DAY =
      DateTimeFormatter.ofPattern("d MMMM uuuu, HH:mm zzz", Locale.ENGLISH);
  private static final int PERCENT = 100;
  private static final String CHART_LIBRARY = "chart.js/chart.umd.min.js";

  private final Machine machine;
  private final List<Result> results;
  private final List<Ceiling> ceilings;

  HtmlReport(Machine machine, List<Result> results, List<Ceiling> ceilings) {
    this.machine = machine;
    this.results = results;
    this.ceilings = ceilings;
  }

  /** The whole page. */
  String page() {
    Collection<List<Result>> operations = Result.by(Result::operation, results).values();
    Map<String, Object> page = new LinkedHashMap<>();
    page.put("cpu", machine.cpu());
    page.put("facts", facts());
    page.put("cards", operations.stream().map(HtmlReport::card).toList());
    page.put("operations", operations.stream().map(HtmlReport::operation).toList());
    page.put("styles", resource("report.css"));
    page.put("script", resource("report.js"));
    // Browsers would request the source map, which is only for debugging the library.
    page.put(
        "library", resource(CHART_LIBRARY).replaceAll("(?m)^//# sourceMappingURL=.*$", "").strip());
    page.put("libraryLicence", resource("chart.js/LICENSE.md").strip());
    page.put("data", Json.line(data()).replace("<", "\\u003c"));
    return Mustache.compiler().compile(resource("report.html")).execute(page);
  }

  private List<Map<String, String>> facts() {
    XentRuntime runtime = XentRuntime.get();
    Tier fastest = results.getLast().tier();
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put(
        "Fastest instruction set", fastest.label() + ", " + threads(results.getLast().threads()));
    facts.put("Cores", String.valueOf(machine.cores()));
    facts.put(
        "Caches",
        machine.caches().stream()
            .map(cache -> message("L%d %s", cache.level(), Figures.bytes(cache.bytes())))
            .collect(Collectors.joining(", ")));
    facts.put("JVM", machine.jdk());
    facts.put("System", machine.system());
    facts.put("Xent", message("%s, numerics %d", runtime.version(), runtime.numericsVersion()));
    facts.put("Measured", DAY.format(ZonedDateTime.now()));
    return facts.entrySet().stream()
        .filter(fact -> !fact.getValue().isEmpty())
        .map(fact -> Map.of("name", fact.getKey(), "value", fact.getValue()))
        .toList();
  }

  private static String threads(int threads) {
    return threads == 1 ? "one thread" : threads + " threads";
  }

  /**
   * The summary of an operation, at its largest shape with rows, or with columns if it has none
   * with rows.
   */
  private static Map<String, String> card(List<Result> operation) {
    Result shown =
        operation.stream()
            .max(
                Comparator.comparing((Result r) -> r.shape().isRows())
                    .thenComparing(Result::workingSet)
                    .thenComparing(operation::indexOf))
            .orElseThrow();
    return Map.of(
        "name", shown.operation().toString(),
        "share", Figures.share(shown.share()),
        "ceiling", shown.operation().limit(),
        "shape", shown.shape().toString(),
        "tier", shown.tier().label(),
        "bandwidth", Figures.number(shown.bandwidth()),
        "nanoseconds", Figures.number(shown.nanoseconds().median()));
  }

  private static Map<String, Object> operation(List<Result> results) {
    Operation operation = results.getFirst().operation();
    Map<Shape, List<Result>> shapes = Result.by(Result::shape, results);
    return Map.of(
        "name", operation.toString(),
        "bytes", operation.bytesPerElement(),
        "ceiling", operation.limit(),
        "shapes", shapes.values().stream().map(HtmlReport::shape).toList());
  }

  private static Map<String, Object> shape(List<Result> tiers) {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (Result result : tiers) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("tier", result.tier().label());
      row.put("median", Figures.number(result.nanoseconds().median()));
      row.put("best", Figures.number(result.nanoseconds().best()));
      row.put("bandwidth", Figures.number(result.bandwidth()));
      row.put("memcpy", Figures.number(result.memory().copy()));
      row.put("read", Figures.number(result.memory().read()));
      row.put("share", Figures.share(result.share()));
      row.put("bar", message("%.1f", PERCENT * Math.min(1, result.share())));
      rows.add(row);
    }
    return Map.of("shape", tiers.getFirst().shape().toString(), "tiers", rows);
  }

  /** The data that the script draws. */
  private Map<String, Object> data() {
    Map<String, Object> data = new LinkedHashMap<>();
    data.put("tiers", results.stream().map(r -> r.tier().label()).distinct().toList());
    data.put("shapes", results.stream().map(r -> r.shape().toString()).distinct().toList());
    data.put("caches", machine.caches().stream().map(HtmlReport::cache).toList());
    data.put("ceilings", ceilings.stream().map(HtmlReport::ceiling).toList());
    data.put("results", results.stream().map(HtmlReport::point).toList());
    return data;
  }

  private static Map<String, Object> cache(Machine.Cache cache) {
    return Map.of("level", cache.level(), "bytes", cache.bytes());
  }

  private static Map<String, Object> ceiling(Ceiling ceiling) {
    return Map.of("bytes", ceiling.bytes(), "copy", ceiling.copy(), "read", ceiling.read());
  }

  private static Map<String, Object> point(Result result) {
    Map<String, Object> point = new LinkedHashMap<>();
    point.put("op", result.operation().toString());
    point.put("shape", result.shape().toString());
    point.put("tier", result.tier().label());
    point.put("ns", result.nanoseconds().median());
    point.put("bandwidth", result.bandwidth());
    point.put("share", result.share());
    point.put("bytes", result.workingSet());
    return point;
  }

  private static String resource(String name) {
    try (InputStream in = HtmlReport.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException(name + " is not in the jar");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
