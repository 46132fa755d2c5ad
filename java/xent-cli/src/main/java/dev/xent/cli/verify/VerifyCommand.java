// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.verify;

import static dev.xent.cli.Messages.message;

import dev.xent.Tensor;
import dev.xent.cli.CommandException;
import dev.xent.cli.Converters;
import dev.xent.cli.ExitCode;
import dev.xent.cli.FileMemory;
import dev.xent.cli.InputFile;
import dev.xent.cli.Json;
import dev.xent.cli.Numbers;
import dev.xent.cli.Progress;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code xent verify}: compares two files. */
@Command(
    name = "verify",
    header = "Compare two files bit by bit, or within a tolerance.",
    customSynopsis = "xent verify ACTUAL.npy EXPECTED.npy [OPTIONS]",
    description = {
      "Both files must have the same shape, and the same dtype or, with a tolerance, two of floats."
          + " Bit by bit, NaN equals the same NaN, and -0 and +0 differ.",
      "With a tolerance a value also counts as equal when |actual - expected| <= atol + rtol *"
          + " |expected|, or when the two are at most N representable numbers apart (ulps), or when"
          + " both are NaN.",
      "Exit code: 0 equal, 1 not, with the first and the worst place, 2 cannot compare."
    },
    footer = {
      "Examples:",
      "  xent verify out.npy expected.npy",
      "  xent verify out.npy expected.npy --rtol 1e-5 --atol 1e-8",
      "  xent verify out.npy expected.npy --ulp 4 --json"
    })
public final class VerifyCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(
      index = "0",
      paramLabel = "ACTUAL.npy",
      description = "Floats (f16, bf16, f32, f64) or integers.")
  private InputFile actual;

  @Parameters(index = "1", paramLabel = "EXPECTED.npy", description = "In the same shape.")
  private InputFile expected;

  @Option(names = "--rtol", paramLabel = "R", description = "Relative tolerance.")
  private @Nullable Double rtol;

  @Option(names = "--atol", paramLabel = "A", description = "Absolute tolerance.")
  private @Nullable Double atol;

  @Option(
      names = "--ulp",
      paramLabel = "N",
      description = "Tolerance in ulps; of integers, in ones; of two dtypes, in ulps of f64.")
  private @Nullable Long ulp;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() {
    requireTolerance("--rtol", rtol);
    requireTolerance("--atol", atol);
    if (ulp != null && ulp < 0) {
      throw noTolerance("--ulp", ulp.toString(), "whole");
    }
    Tolerance tolerance = new Tolerance(rtol, atol, ulp);
    try (FileMemory memory = new FileMemory()) {
      Tensor a = memory.tensor(actual);
      Tensor e = memory.tensor(expected);
      requireComparable(a, e, tolerance);
      Comparison[] result = new Comparison[1];
      Progress.during("verify", () -> result[0] = Comparison.of(a, e, tolerance));
      PrintWriter out = spec.commandLine().getOut();
      if (json) {
        out.println(Json.line(json(result[0], a)));
      } else {
        text(out, result[0], types(a, e) + " " + Arrays.toString(a.shape()), tolerance);
      }
      return result[0].differ() == 0 ? ExitCode.OK : ExitCode.DIFFERENT;
    }
  }

  private static void requireTolerance(String option, @Nullable Double value) {
    if (value != null && !(value >= 0 && value < Double.POSITIVE_INFINITY)) {
      throw noTolerance(option, Numbers.text(value), "finite");
    }
  }

  private static CommandException noTolerance(String option, String value, String kind) {
    return new CommandException(
        message("%s is %s; expected a %s number that is 0 or more", option, value, kind));
  }

  private void requireComparable(Tensor a, Tensor e, Tolerance tolerance) {
    if (!Arrays.equals(a.shape(), e.shape())) {
      throw new CommandException(
          message(
              "%s has shape %s, %s has %s; expected the same shape",
              actual, Arrays.toString(a.shape()), expected, Arrays.toString(e.shape())));
    }
    boolean floats = a.type().isFloat() && e.type().isFloat();
    if (a.type() != e.type() && (!floats || tolerance.exact())) {
      throw new CommandException(
          message(
              "%s is %s, %s is %s; expected %s",
              actual,
              Converters.name(a.type()),
              expected,
              Converters.name(e.type()),
              floats ? "one dtype to compare bits; add --rtol 1e-6" : "the same dtype"));
    }
  }

  private static String types(Tensor a, Tensor e) {
    String type = Converters.name(a.type());
    return a.type() == e.type() ? type : type + " and " + Converters.name(e.type());
  }

  private static void text(PrintWriter out, Comparison result, String arrays, Tolerance tolerance) {
    out.printf(
        Locale.ROOT,
        "%s: %d values compared, %d differ (%s, %s)%n",
        result.differ() == 0 ? "equal" : "not equal",
        result.compared(),
        result.differ(),
        arrays,
        tolerance.exact() ? "bit by bit" : "within " + tolerance);
    Place first = result.first();
    if (first != null) {
      out.println("first  " + first.text());
    }
    Place worst = result.worst();
    if (worst != null) {
      out.println("worst  " + worst.text());
    }
  }

  private static Map<String, Object> json(Comparison result, Tensor file) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("equal", result.differ() == 0);
    object.put("compared", result.compared());
    object.put("differ", result.differ());
    object.put("dtype", Converters.name(file.type()));
    object.put("shape", file.shape());
    Place first = result.first();
    Place worst = result.worst();
    object.put("first", first == null ? null : first.json());
    object.put("worst", worst == null ? null : worst.json());
    return object;
  }
}
