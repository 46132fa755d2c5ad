// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import dev.xent.cli.ComputeOptions;
import dev.xent.cli.Converters;
import dev.xent.cli.ExitCode;
import dev.xent.cli.HelpOrder;
import dev.xent.files.Shown;
import dev.xent.files.WholeFile;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code xent bench}: the speed of the kernels on this machine, and that of its memory. */
@Command(
    name = "bench",
    header = "Measure the speed of all operations and of memory.",
    customSynopsis = "xent bench [OPTIONS]",
    description = {
      "Times six operations on shapes of every kind, with every instruction set of this CPU and"
          + " with plain Java, through the Java API. It takes about two minutes.",
      "Before timing, each result is compared bit by bit with that of plain Java. After a warm-up,"
          + " each instruction set, a memcpy and a read of the same memory are timed in turns."
          + " Results are medians.",
      "The share of the memory's speed is the time of a memcpy of the bytes that the operation"
          + " moves (8 per logit, 12 for a backward), divided by the operation's time. For"
          + " cross-entropy, which writes nothing, it is the time of a read (4). cross-entropy-grad"
          + " is the loss with its gradient.",
      "Everything runs on one thread; --threads changes that. --isa selects plain Java and one"
          + " instruction set, --backend one backend."
    },
    footer = {
      "Examples:",
      "  xent bench --quick",
      "  xent bench --svg chart.svg",
      "  xent bench --ops softmax,cross-entropy-grad --shapes 64x32000,2x64x56x56@1"
    })
public final class BenchCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(names = "--quick", description = "Fewer shapes and shorter times: about 15 seconds.")
  private boolean quick;

  @Option(
      names = "--ops",
      split = ",",
      paramLabel = "LIST",
      hideParamSyntax = true,
      converter = OfOperations.class,
      description =
          "Operations, joined by commas: softmax, log-softmax, softmax-backward,"
              + " log-softmax-backward, cross-entropy, cross-entropy-grad. Default: all.")
  private List<Operation> operations = List.of(Operation.values());

  @Option(
      names = "--shapes",
      split = ",",
      paramLabel = "LIST",
      hideParamSyntax = true,
      converter = OfShapes.class,
      description =
          "Shapes of the logits, joined by commas: 64x1000, or 2x64x56x56@1 if the class axis"
              + " (1) is not the last.")
  private @Nullable List<Shape> shapes;

  @Option(names = "--json", order = HelpOrder.PRINT, description = "Print one JSON object.")
  private boolean json;

  @Option(
      names = "--svg",
      order = HelpOrder.PRINT,
      paramLabel = "CHART.svg",
      converter = OfFiles.class,
      description = "Write a chart of the shares, for a browser.")
  private @Nullable Path chart;

  @Mixin private ComputeOptions compute;

  @Override
  public Integer call() {
    Steadiness steadiness = Steadiness.begin();
    try (Memory memory = new Memory(compute.threadsOr(1))) {
      List<Result> results =
          chart == null ? measurement(memory).run() : measureAndDraw(memory, chart);
      show(results, steadiness.warning());
    }
    return ExitCode.OK;
  }

  private List<Result> measureAndDraw(Memory memory, Path svg) {
    // Created before the measurement, so that an invalid name is reported at once.
    WholeFile.sweep(svg);
    try (WholeFile file = WholeFile.create(svg, ".svg")) {
      List<Result> results = measurement(memory).run();
      file.write(Chart.svg(Machine.here(), results));
      file.commit();
      return results;
    }
  }

  private Measurement measurement(Memory memory) {
    return new Measurement(
        operations.stream().distinct().toList(),
        shapes == null ? Shape.defaults(quick) : shapes.stream().distinct().toList(),
        Tier.of(compute),
        memory,
        quick ? Effort.QUICK : Effort.FULL);
  }

  private void show(List<Result> results, @Nullable String warning) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(JsonReport.line(Machine.here(), warning != null, results));
      return;
    }
    new TextReport(out, Charset.forName(System.getProperty("stdout.encoding", "US-ASCII")))
        .print(Machine.here(), results);
    if (warning != null) {
      out.printf(Locale.ROOT, "%n%s%n", warning);
    }
    if (chart != null) {
      out.printf(Locale.ROOT, "%nChart: %s%n", Shown.line(chart.toString()));
    }
  }

  private static final class OfOperations implements ITypeConverter<Operation> {
    @Override
    public Operation convert(String word) throws Exception {
      return Converters.choice(List.of(Operation.values())).convert(word);
    }
  }

  private static final class OfFiles implements ITypeConverter<Path> {
    @Override
    public Path convert(String word) {
      return Converters.file(word);
    }
  }

  private static final class OfShapes implements ITypeConverter<Shape> {
    @Override
    public Shape convert(String word) {
      return Shape.of(word);
    }
  }
}
