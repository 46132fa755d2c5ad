// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.DType;
import dev.xent.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;

/** The type of the floats in output files. */
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

  /** Removes f64 from the choices of a command that computes nothing in double. */
  static class WithoutDoubles implements IModelTransformer {
    @Override
    public CommandSpec transform(CommandSpec spec) {
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
  }

  /**
   * The type of an output that belongs to an input.
   *
   * @param read the output has its type unless another one is requested
   */
  DType like(Tensor read) {
    return given == null ? read.type() : given;
  }

  /**
   * The type of one number per row: without the option, at least f32, because losses are computed
   * as f32 before they are rounded to a narrower type.
   */
  DType perRow(Tensor read) {
    return given != null ? given : read.type() == DType.F64 ? DType.F64 : DType.F32;
  }

  /** Rejects a type that does not match the type of the input. */
  void requireFor(Tensor read, InputFile file) {
    boolean wide = read.type() == DType.F64;
    if (given != null && given != DType.F32 && wide != (given == DType.F64)) {
      throw new CommandException(
          message(
              "--dtype %s is not supported for %s, which is %s; use %s",
              Converters.name(given),
              file,
              Converters.name(read.type()),
              wide ? "f64 or f32" : "f16, bf16 or f32"));
    }
  }
}
