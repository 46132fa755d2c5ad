// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.DType;
import dev.xent.Sampler;
import dev.xent.SamplerCall;
import dev.xent.SamplerInputs;
import dev.xent.SamplerOutputs;
import dev.xent.SamplerRequests;
import dev.xent.Tensor;
import java.nio.file.Path;
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
      "  xent sample logits.npy -o tokens.npy --top-p 0.9 --step 7 --log-probabilities lp.npy"
    })
final class SampleCommand extends FileCommand {
  @Parameters(index = "0", paramLabel = "LOGITS.npy", description = "Logits: f16, bf16 or f32.")
  private InputFile in;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "TOKENS.npy",
      description = "Write the tokens here, as i64. Default: print them.")
  private @Nullable Path out;

  @Mixin private Axis axis;

  @Mixin private SamplingChoices choices;
  @Mixin private RandomNumbers numbers;

  @Option(
      names = "--class-mask",
      paramLabel = "M.npy",
      description =
          "Which classes take part: booleans or u8 in the shape of the logits, or one per class."
              + " An axis of size 1 holds for all.")
  private @Nullable InputFile mask;

  @Option(
      names = "--bias",
      paramLabel = "B.npy",
      description =
          "Number to add to the logit of each class, in the same shapes; -inf forbids a class.")
  private @Nullable InputFile bias;

  @Option(
      names = "--prompt-tokens",
      paramLabel = "P.npy",
      description =
          "Tokens of the prompt, for --repetition-penalty: integers in the shape of the logits with"
              + " any number along the class axis; -1 marks an unused entry.")
  private @Nullable InputFile promptTokens;

  @Option(
      names = "--output-tokens",
      paramLabel = "O.npy",
      description = "Tokens sampled so far, for all penalties, in the same form.")
  private @Nullable InputFile outputTokens;

  @Option(
      names = "--draft-tokens",
      paramLabel = "D.npy",
      description =
          "A token per row that another model drew: it is accepted, or replaced by another one; -1"
              + " marks a row without a draft.")
  private @Nullable InputFile draftTokens;

  @Option(
      names = "--draft-probabilities",
      paramLabel = "Q.npy",
      description = "The probabilities of that model, in the shape of the logits.")
  private @Nullable InputFile draftProbabilities;

  @Mixin private SampleOutputs wanted;
  @Mixin private OutputType type;

  private final NumberOptions flags =
      new NumberOptions(NumberFlags.OF_SAMPLING, Sampler.Builder.class);
  private SamplerOutputs outputs;

  @Override
  NumberOptions numbers() {
    return flags;
  }

  private Sampler.Builder builder() {
    return choices.applyTo(flags.applyTo(Sampler.builder()));
  }

  @Override
  void require() {
    builder();
    numbers.require();
    if ((draftTokens == null) != (draftProbabilities == null)) {
      throw new CommandException(
          "--draft-tokens and --draft-probabilities require each other; pass both or none");
    }
    wanted.require();
  }

  @Override
  void compute(CommandFiles files) {
    Tensor x = files.floats(in);
    requireType(x);
    Rows rows = Rows.of(x, axis.in(x, in), null);
    SamplerInputs inputs = inputs(files);
    Supplier<Sampler.Builder> common = () -> builder().axis(rows.axis());
    SamplerRequests requests = numbers.requests(common, rows, files);
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
      inputs = inputs.withClassMask(files.flags(mask));
    }
    if (bias != null) {
      inputs = inputs.withBias(files.floats(bias));
    }
    if (promptTokens != null) {
      inputs = inputs.withPromptTokens(files.integers(promptTokens));
    }
    if (draftTokens != null && draftProbabilities != null) {
      inputs = inputs.withDrafts(files.integers(draftTokens), files.floats(draftProbabilities));
    }
    if (outputTokens != null) {
      inputs = inputs.withOutputTokens(files.integers(outputTokens));
    }
    return inputs;
  }

  @Override
  void addTo(Map<String, Object> object, CommandFiles files) {
    object.put("rows", outputs.rows());
    object.put("sampled", outputs.sampled());
    List<Object> tokens = files.json();
    if (tokens != null) {
      object.put("tokens", tokens);
    }
  }

  @Override
  List<String> facts() {
    return List.of(message("rows         %d, %d with a token", outputs.rows(), outputs.sampled()));
  }
}
