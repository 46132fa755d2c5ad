// SPDX-License-Identifier: Apache-2.0
package dev.xent.conformance;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** One object of conformance/cases.json with its files, as conformance/README.md describes them. */
final class ConformanceCase {
  /** conformance/check.py names another one, which has some of the cases. */
  static final Path DIRECTORY =
      Path.of(System.getProperty("xent.conformance", "../../conformance"));

  /**
   * An array of a case.
   *
   * @param type as the index names it
   * @param npy its file
   */
  record Stored(String type, Npy npy) {}

  final String name;
  final String function;
  final int axis;
  final long outer;
  final long classes;
  final long inner;
  final Map<String, Object> options;
  final Map<String, Object> sampling;
  final Map<String, Object> numbers;
  final List<Long> parts;
  final Map<String, Stored> inputs;
  final Map<String, Stored> outputs;

  private ConformanceCase(Map<String, Object> entry) {
    name = (String) entry.get("name");
    function = (String) entry.get("function");
    axis = ((Number) entry.get("axis")).intValue();
    List<Long> shape = integers(entry.get("shape"));
    outer = product(shape.subList(0, axis));
    classes = shape.get(axis);
    inner = product(shape.subList(axis + 1, shape.size()));
    options = object(entry.getOrDefault("options", Map.of()));
    sampling = object(entry.getOrDefault("sampling", Map.of()));
    numbers = object(entry.getOrDefault("numbers", Map.of()));
    parts = integers(entry.getOrDefault("parts", List.of()));
    inputs = stored(object(entry.get("inputs")));
    outputs = stored(object(entry.get("outputs")));
  }

  long rows() {
    return outer * inner;
  }

  /** The version of the numerics, and the cases. */
  static <R> R index(Function<Map<String, Object>, R> reader) {
    try {
      return reader.apply(JSON.std.mapFrom(Files.readString(DIRECTORY.resolve("cases.json"))));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static List<ConformanceCase> all() {
    return index(
        index ->
            ((List<?>) index.get("cases"))
                .stream().map(entry -> new ConformanceCase(object(entry))).toList());
  }

  @SuppressWarnings("unchecked") // the keys of a JSON object are strings
  private static Map<String, Object> object(Object json) {
    return (Map<String, Object>) json;
  }

  private static List<Long> integers(Object json) {
    return ((List<?>) json).stream().map(number -> ((Number) number).longValue()).toList();
  }

  private static long product(List<Long> lengths) {
    return lengths.stream().reduce(1L, (a, b) -> a * b);
  }

  private static Map<String, Stored> stored(Map<String, Object> entries) {
    Map<String, Stored> arrays = new LinkedHashMap<>();
    entries.forEach(
        (array, entry) -> {
          Map<String, Object> fields = object(entry);
          Path file = DIRECTORY.resolve((String) fields.get("file"));
          arrays.put(array, new Stored((String) fields.get("type"), Npy.read(file)));
        });
    return arrays;
  }

  @Override
  public String toString() {
    return name;
  }
}
