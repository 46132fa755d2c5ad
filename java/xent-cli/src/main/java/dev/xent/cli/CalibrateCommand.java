// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.Tensor;
import dev.xent.calibration.Calibration;
import dev.xent.calibration.CalibrationBin;
import dev.xent.calibration.TemperatureScaling;
import dev.xent.errors.LabelException;
import dev.xent.files.WholeFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code xent calibrate}: whether probabilities are right; the temperature that corrects them. */
@Command(
    name = "calibrate",
    header = "Whether probabilities are right; the temperature that corrects them.",
    customSynopsis = "xent calibrate LOGITS.npy LABELS.npy [OPTIONS]",
    description = {
      "Finds the temperature at which the loss is smallest. Prints loss, Brier score,",
      "expected and maximum calibration error without it and with it.",
      "The classes are the last axis. Use logits that the model was not trained on."
    },
    footer = {
      "Examples:",
      "  xent calibrate logits.npy labels.npy --diagram reliability.svg",
      "  xent calibrate logits.npy labels.npy --equal-counts --bins 10 --json",
      "  xent calibrate scores.npy labels.npy --elements"
    })
final class CalibrateCommand extends FileCommand {
  @Parameters(
      index = "0",
      paramLabel = "LOGITS.npy",
      description = "Logits: f16, bf16, f32 or f64.")
  private InputFile in;

  @Parameters(
      index = "1",
      paramLabel = "LABELS.npy",
      description =
          "The right class of each row: integers in the shape of the logits without the last axis.")
  private InputFile right;

  @Option(
      names = "--elements",
      description =
          "Every logit is independent, with a label 0 or 1 in the shape of the logits: calibrate"
              + " its sigmoid.")
  private boolean elements;

  @Option(
      names = "--class",
      paramLabel = "K",
      description = "Calibrate the probability of class K. Default: of the largest class.")
  private @Nullable Integer ofClass;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "Measure at this temperature; a number from 2^-32 to 2^32. Default: find it.")
  private @Nullable Double given;

  @Option(names = "--bins", paramLabel = "N", description = "The number of bins. Default: 15.")
  private int bins = 15;

  @Option(
      names = "--equal-counts",
      description = "Let bins have about equal counts, not equal widths.")
  private boolean equalCounts;

  @Option(
      names = "--ignore-index",
      paramLabel = "I",
      description = "Label of rows that do not count. Default: none.")
  private @Nullable Long ignoreIndex;

  @Option(names = "--diagram", paramLabel = "FILE.svg", description = "Draw a reliability diagram.")
  private @Nullable Path diagram;

  private final NumberOptions numbers = new NumberOptions(List.of(), Object.class);
  private double temperature;
  private int passes;
  private Calibration before = Calibration.ofClasses();
  private Calibration after = before;

  @Override
  NumberOptions numbers() {
    return numbers;
  }

  @Override
  void require() {
    if (elements && ofClass != null) {
      throw new CommandException("--elements and --class exclude each other; pass one of them");
    }
    if (ofClass != null && ofClass < 0) {
      throw new CommandException("--class is " + ofClass + "; expected a class, from 0 on");
    }
    begin(given == null ? 1 : given);
  }

  /** A calibration without rows. */
  private Calibration begin(double at) {
    Calibration begun =
        elements
            ? Calibration.ofElements()
            : ofClass == null ? Calibration.ofClasses() : Calibration.ofClass(ofClass);
    begun = begun.withBins(bins).withTemperature(at);
    begun = equalCounts ? begun.withEqualCounts() : begun;
    return ignoreIndex == null ? begun : begun.withIgnoreIndex(ignoreIndex);
  }

  @Override
  void compute(CommandFiles files) {
    Tensor logits = files.floats(in);
    Tensor labels = files.integers(right);
    if (diagram == null) {
      run(() -> measure(logits, labels));
      return;
    }
    WholeFile.sweep(diagram); // created first, so that an invalid name is reported at once
    try (WholeFile file = WholeFile.create(diagram, ".svg")) {
      run(() -> measure(logits, labels));
      file.write(ReliabilityDiagram.svg(before, after, temperature));
      file.commit();
    }
  }

  private void measure(Tensor logits, Tensor labels) {
    try {
      before = begin(1).add(logits, labels);
    } catch (LabelException e) {
      String which = elements ? "element" : "row";
      throw WrongLabel.of(message("label %s in %s %d", e.labelText(), which, e.row()), e);
    }
    if (before.rows() == 0) {
      throw new CommandException("no row counts, so nothing can be measured; check --ignore-index");
    }
    temperature = given == null ? found(logits, labels) : given;
    after = begin(temperature).add(logits, labels);
  }

  private double found(Tensor logits, Tensor labels) {
    TemperatureScaling scaling =
        elements ? TemperatureScaling.ofElements() : TemperatureScaling.ofClasses();
    scaling = ignoreIndex == null ? scaling : scaling.withIgnoreIndex(ignoreIndex);
    do {
      scaling.add(logits, labels);
    } while (scaling.next());
    passes = scaling.passes();
    return scaling.temperature();
  }

  @Override
  void addTo(Map<String, Object> object, CommandFiles files) {
    object.put("temperature", Json.number(temperature));
    object.put("rows", after.rows());
    object.put("before", members(before));
    object.put("after", members(after));
  }

  private static Map<String, Object> members(Calibration of) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("loss", Json.number(of.loss()));
    object.put("brier", Json.number(of.brier()));
    object.put("expected_error", Json.number(of.expectedError()));
    object.put("maximum_error", Json.number(of.maximumError()));
    object.put("accuracy", Json.number(of.accuracy()));
    object.put("confidence", Json.number(of.confidence()));
    List<Map<String, Object>> list = new ArrayList<>();
    for (CalibrationBin bin : of.bins()) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("lower", bin.lower());
      row.put("upper", bin.upper());
      row.put("count", bin.count());
      row.put("confidence", Json.number(bin.confidence()));
      row.put("accuracy", Json.number(bin.accuracy()));
      list.add(row);
    }
    object.put("bins", list);
    return object;
  }

  @Override
  List<String> facts() {
    List<String> facts = new ArrayList<>();
    String how = given != null ? "given" : passes + " passes";
    facts.add(message("temperature  %s (%s)", Numbers.text(temperature), how));
    facts.add("rows         " + after.rows());
    facts.add("");
    facts.add(message("%-27s%12s%12s", "", "before", "after"));
    facts.add(row("loss, nats", before.loss(), after.loss()));
    facts.add(row("Brier score", before.brier(), after.brier()));
    facts.add(row("expected calibration error", before.expectedError(), after.expectedError()));
    facts.add(row("maximum calibration error", before.maximumError(), after.maximumError()));
    facts.add(row("mean confidence", before.confidence(), after.confidence()));
    facts.add(row("accuracy", before.accuracy(), after.accuracy()));
    facts.add("");
    facts.add("   confidence         rows  confidence  accuracy");
    for (CalibrationBin bin : after.bins()) {
      if (bin.count() > 0) {
        facts.add(
            message(
                "  %.4f to %.4f %9d    %.4f      %.4f",
                bin.lower(), bin.upper(), bin.count(), bin.confidence(), bin.accuracy()));
      }
    }
    facts.add("");
    return facts;
  }

  private static String row(String name, double first, double second) {
    return message("%-27s%12.6f%12.6f", name, first, second);
  }
}
