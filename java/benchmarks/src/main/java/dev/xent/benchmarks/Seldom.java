// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.xent.cli.bench.Machine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Times calls as most programs make them: one for each token or request, every 10 to 20 ms, after
 * other work has replaced the contents of the caches. Prints a table with a row for each kind of
 * memory, of which results.md has two.
 */
@Command(
    name = "seldom",
    sortOptions = false,
    mixinStandardHelpOptions = true,
    description = "Xent beside loops in Java, called every 10 to 20 ms: microseconds, as Markdown.")
final class Seldom implements Callable<Integer> {
  /** The way of results with one call every 10 to 20 ms. */
  static final String SELDOM = "seldom";

  /** The way of results with consecutive calls. */
  static final String LOOP = "loop";

  /** The tokens of a short text. */
  static final int CALLS = 400;

  @Option(
      names = "--ops",
      split = ",",
      paramLabel = "OP",
      description = "Only these: ${COMPLETION-CANDIDATES}.")
  private List<Call> chosen = List.of(Call.values());

  @Option(
      names = "--java",
      paramLabel = "FILE",
      description = "The java that is measured; without it, the one that runs this.")
  private Path java = Path.of(System.getProperty("java.home"), "bin", "java");

  @Option(names = "--json", paramLabel = "FILE", description = "Writes every call there too.")
  private @Nullable Path json;

  @Override
  public Integer call() throws IOException, InterruptedException {
    List<Row> rows = new ArrayList<>();
    for (Call call : chosen) {
      for (Memory memory : Memory.values()) {
        if (memory != Memory.TWO_CURSORS || call.drawsTokens) {
          System.err.printf(Locale.ROOT, "%s, %s%n", call.title, memory.title);
          rows.add(new Row(call, memory, run(call, memory)));
        }
      }
    }
    System.out.print(table(rows));
    if (json != null) {
      Files.writeString(json, report(rows));
    }
    return rows.stream().flatMap(row -> row.results.stream()).allMatch(Result::passed) ? 0 : 1;
  }

  private List<Result> run(Call call, Memory memory) throws IOException, InterruptedException {
    return Launcher.start(
        List.of(
            java.toString(),
            "-cp",
            System.getProperty("java.class.path"),
            "--enable-native-access=ALL-UNNAMED",
            SeldomWorker.class.getName(),
            call.name(),
            memory.name()),
        call.title + ", " + memory.title);
  }

  private static String table(List<Row> rows) {
    StringBuilder text = new StringBuilder("| call | memory |");
    for (Part part : Part.values()) {
      text.append(' ').append(part.title).append(": Java | Xent |");
    }
    text.append("\n|---|---|").append("---:|---:|".repeat(Part.values().length)).append('\n');
    for (Row row : rows) {
      text.append("| ").append(row.call.title).append(" | ").append(row.memory.title).append(" |");
      for (Part part : Part.values()) {
        text.append(' ').append(row.micros("java", part));
        text.append(" | ").append(row.micros("xent", part)).append(" |");
      }
      text.append('\n');
    }
    return text.toString();
  }

  private String report(List<Row> rows) throws IOException {
    List<Object> results = new ArrayList<>();
    for (Row row : rows) {
      for (Result result : row.results) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("call", row.call.title);
        fields.put("memory", row.memory.title);
        fields.put("candidate", result.candidate());
        fields.put("way", result.way());
        fields.put("error", Double.isFinite(result.error()) ? result.error() : "nan");
        fields.put("nanos", result.nanos());
        results.add(fields);
      }
    }
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("cpu", Machine.here().cpu());
    report.put("java", java.toString());
    report.put("results", results);
    return JSON.std.asString(report) + "\n";
  }

  /** The measured calls. */
  enum Call {
    /** The largest class of a row. */
    GREEDY("greedy", Operation.SOFTMAX, "1x128256", true),
    /** A token from the nucleus of all classes. */
    TOP_P("top-p 0.9", Operation.SAMPLE_TOP_P, "1x128256", true),
    /** A token from the nucleus of the largest classes. */
    TOP_K("top-k 50, top-p 0.9", Operation.SAMPLE, "1x128256", true),
    /** The probabilities of a row, as after a classifier. */
    SOFTMAX("softmax 1x1000", Operation.SOFTMAX, "1x1000", false),
    /** The largest classes of such a row and their probabilities. */
    TOP_CLASSES("5 largest of 1x1000", Operation.SOFTMAX, "1x1000", false),
    /** Loss and gradient of a batch. */
    LOSS("loss and gradient 64x1000", Operation.CROSS_ENTROPY_GRAD, "64x1000", false),
    /** The same with an ignore index, of which no row has the label. */
    IGNORING("with an ignore index", Operation.CROSS_ENTROPY_GRAD, "64x1000", false);

    /** The name in tables. */
    final String title;

    /** The operation whose problem has the inputs. */
    final Operation operation;

    final String shape;
    final boolean drawsTokens;

    Call(String title, Operation operation, String shape, boolean drawsTokens) {
      this.title = title;
      this.operation = operation;
      this.shape = shape;
      this.drawsTokens = drawsTokens;
    }

    /** The name on the command line. */
    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /** The memory of the numbers of a call. */
  enum Memory {
    /** The same arrays in each call. */
    ARRAY("float[]"),
    /** The same tensors in each call, views of arrays. */
    TENSOR("tensor"),
    /** New arrays for each call. */
    NEW_ARRAYS("new float[]"),
    /** The same segments off the heap. */
    SEGMENT("segment"),
    /** The same array in alternating calls of two cursors. */
    TWO_CURSORS("float[], two cursors");

    /** The name in tables. */
    final String title;

    Memory(String title) {
      this.title = title;
    }
  }

  /** The calls whose median is a figure. */
  private enum Part {
    /**
     * The calls before the JIT has compiled much, except the first one, which loads the library.
     */
    EARLY("calls 2 to 50", SELDOM, 1, 50),
    /** The other calls of a short text. */
    LATE("51 to " + CALLS, SELDOM, 50, CALLS),
    /** Consecutive calls. */
    LOOPED("in a loop", LOOP, 0, 1);

    final String title;
    final String way;
    final int from;
    final int to;

    Part(String title, String way, int from, int to) {
      this.title = title;
      this.way = way;
      this.from = from;
      this.to = to;
    }
  }

  /** The results of one worker. */
  private record Row(Call call, Memory memory, List<Result> results) {
    String micros(String candidate, Part part) {
      Result result =
          results.stream()
              .filter(each -> each.candidate().equals(candidate) && each.way().equals(part.way))
              .findFirst()
              .orElseThrow();
      if (!result.passed()) {
        return "wrong";
      }
      double micros = Result.median(Arrays.copyOfRange(result.nanos(), part.from, part.to)) / 1e3;
      String format = micros < 1 ? "%.2f" : micros < 100 ? "%.1f" : "%.0f";
      return String.format(Locale.ROOT, format, micros);
    }
  }
}
