// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.DType;
import dev.xent.Sampler;
import dev.xent.SamplerCall;
import dev.xent.SamplerInputs;
import dev.xent.Tensor;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code xent sample}: the next token of each row of logits. */
@Command(
    name = "sample",
    header = "Sample the next token of each row of logits.",
    customSynopsis = "xent sample LOGITS.npy [-o TOKENS.npy] [OPTIONS]",
    modelTransformer = OutputType.WithoutDoubles.class,
    description = {
      "Draws a class from the softmax over the classes that the filters keep.",
      "The same seed draws the same tokens on every machine. A row without a token gets -1."
    },
    footer = {
      "Examples:",
      "  xent sample logits.npy -o tokens.npy --temperature 0",
      "  xent sample logits.npy -o tokens.npy --temperature 0.8 --top-k 50 --top-p 0.95 --seed 42",
      "  xent sample logits.npy -o tokens.npy --top-p 0.9 --step 7 --log-probability lp.npy"
    })
final class SampleCommand extends FileCommand {
  @Parameters(index = "0", paramLabel = "LOGITS.npy", description = "Logits: f16, bf16 or f32.")
  private Path in;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "TOKENS.npy",
      description = "Write the tokens here, as i64. Default: print them.")
  private @Nullable Path out;

  @Mixin private Axis axis;

  @Mixin private SamplingChoices choices;
  @Mixin private RandomNumbers numbers;

  @Option(
      names = "--mask",
      paramLabel = "M.npy",
      description =
          "Which classes take part: booleans or u8 in the shape of the logits, or one per class."
              + " An axis of size 1 holds for all.")
  private @Nullable Path mask;

  @Option(
      names = "--bias",
      paramLabel = "B.npy",
      description =
          "Number to add to the logit of each class, in the same shapes; -inf forbids a class.")
  private @Nullable Path bias;

  @Option(
      names = "--prompt-tokens",
      paramLabel = "P.npy",
      description =
          "Tokens of the prompt, for --repetition-penalty: integers in the shape of the logits with"
              + " any number along the class axis; -1 marks an unused entry.")
  private @Nullable Path promptTokens;

  @Option(
      names = "--output-tokens",
      paramLabel = "O.npy",
      description = "Tokens sampled so far, for all penalties, in the same form.")
  private @Nullable Path outputTokens;

  @Option(names = "--json", order = HelpOrder.PRINT, description = "Print one JSON object.")
  private boolean json;

  @Mixin private SampleOutputs wanted;
  @Mixin private OutputType type;

  private Sampler.Outputs outputs;

  @Override
  void require() {
    choices.require();
    numbers.require();
    wanted.require();
  }

  @Override
  void compute(CommandFiles files) {
    Tensor x = files.floats(in);
    requireType(x);
    Rows rows = Rows.of(x, axis.in(x, in), null);
    SamplerInputs inputs = inputs(files);
    Supplier<Sampler.Builder> common = () -> choices.builder().axis(rows.axis());
    Sampler.Requests requests = numbers.requests(common, rows, files);
    Sampler sampler = numbers.applyTo(common.get()).execution(execution()).build();
    Tensor tokens = files.createOrShow(out, "-o TOKENS.npy", DType.I64, rows.shape());
    outputs = wanted.request(files, type, rows);
    SamplerCall call = sampler.on(x, tokens).inputs(inputs).outputs(outputs);
    run(
        () -> {
          if (requests == null) {
            call.run(numbers.step());
          } else {
            call.run(requests);
          }
        });
  }

  private void requireType(Tensor x) {
    if (x.type() == DType.F64) {
      throw new CommandException(
          in + " has f64, and tokens are sampled from f16, bf16 or f32; save x.astype('<f4')");
    }
    type.requireFor(x, in);
  }

  private SamplerInputs inputs(CommandFiles files) {
    SamplerInputs inputs = SamplerInputs.none();
    if (mask != null) {
      inputs = inputs.classMask(files.flags(mask));
    }
    if (bias != null) {
      inputs = inputs.bias(files.floats(bias));
    }
    if (promptTokens != null) {
      inputs = inputs.promptTokens(files.integers(promptTokens));
    }
    if (outputTokens != null) {
      inputs = inputs.outputTokens(files.integers(outputTokens));
    }
    return inputs;
  }

  @Override
  void print(CommandFiles files, PrintWriter out) {
    if (json) {
      out.println(json(files.json()));
      return;
    }
    super.print(files, out);
    out.println(
        message(
            "rows         %d, %d with a token%ncomputed by  %s",
            outputs.rows(), outputs.sampled(), used().text()));
  }

  private String json(@Nullable List<Object> tokens) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("rows", outputs.rows());
    object.put("sampled", outputs.sampled());
    if (tokens != null) {
      object.put("tokens", tokens);
    }
    used().addTo(object);
    return Json.line(object);
  }
}
