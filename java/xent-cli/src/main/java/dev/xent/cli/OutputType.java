// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.DType;
import dev.xent.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;

/** The type of the floats that a command writes. */
final class OutputType {
  private static final String NAME = "--dtype";

  @Option(
      names = NAME,
      order = HelpOrder.FILES,
      paramLabel = "T",
      description =
          "Write floats as f16, bf16, f32 or f64. Default: the type of the input; one number per row"
              + " is never below f32.")
  private @Nullable DType given;

  /** Leaves out f64, for a command that computes nothing in double. */
  static CommandSpec withoutDoubles(CommandSpec spec) {
    OptionSpec option = spec.findOption(NAME);
    spec.remove(option);
    return spec.addOption(
        OptionSpec.builder(option)
            .description(
                "Write floats as f16, bf16 or f32. Default: the type of the input; one number per"
                    + " row is never below f32.")
            .converters(Converters.floats(List.of(DType.F16, DType.BF16, DType.F32)))
            .build());
  }

  /**
   * The type of what belongs to a tensor that is read.
   *
   * @param read it has that tensor's type where no other was asked for
   */
  DType like(Tensor read) {
    return given == null ? read.type() : given;
  }

  /**
   * The type of one number per row: without an option never narrower than f32, which the losses
   * have before they are rounded to a narrower type.
   */
  DType perRow(Tensor read) {
    return given != null ? given : read.type() == DType.F64 ? DType.F64 : DType.F32;
  }

  /** Refuses a type that does not go with that of the input. */
  void requireFor(Tensor read, Path file) {
    boolean wide = read.type() == DType.F64;
    if (given != null && given != DType.F32 && wide != (given == DType.F64)) {
      throw new CommandException(
          String.format(
              Locale.ROOT,
              "--dtype %s is not supported for %s, which is %s; use %s",
              Converters.name(given),
              file,
              Converters.name(read.type()),
              wide ? "f64 or f32" : "f16, bf16 or f32"));
    }
  }
}
