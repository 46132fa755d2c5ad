// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.DType;
import dev.xent.Sampler;
import dev.xent.SamplerCall;
import dev.xent.SamplerInputs;
import dev.xent.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code xent sample}: the next token of each row of logits. */
@Command(
    name = "sample",
    header = "Sample the next token of each row of logits.",
    customSynopsis = "xent sample LOGITS.npy [-o TOKENS.npy] [OPTIONS]",
    modelTransformer = SampleCommand.OwnOptions.class,
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
final class SampleCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

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
  @Mixin private ComputeOptions compute;

  /** Removes f64 from the output types. */
  static final class OwnOptions implements IModelTransformer {
    @Override
    public CommandSpec transform(CommandSpec spec) {
      return OutputType.withoutDoubles(spec);
    }
  }

  @Override
  public Integer call() {
    choices.require();
    numbers.require();
    wanted.require();
    try (FileMemory memory = new FileMemory();
        Outputs files = new Outputs(memory)) {
      Tensor x = InputFiles.floats(in, memory);
      requireType(x);
      int classAxis = axis.in(x, in);
      Rows rows = Rows.of(x, classAxis, null);
      SamplerInputs inputs = inputs(memory);
      Supplier<Sampler.Builder> common = () -> choices.builder().axis(classAxis);
      Sampler.Requests requests = numbers.requests(common, rows, memory);
      Sampler sampler = numbers.applyTo(common.get()).execution(compute.execution()).build();
      files.keep(in);
      otherFiles().forEach(files::keep);
      Tensor tokens = files.createOrShow(out, "-o TOKENS.npy", DType.I64, rows.shape());
      Sampler.Outputs outputs = wanted.request(files, type, rows);
      Progress.during(spec.name(), () -> sample(sampler, requests, rows, inputs, tokens, outputs));
      files.commit();
      if (!json) {
        files.show(spec.commandLine().getOut());
      }
      spec.commandLine().getOut().println(report(outputs, files.json()));
    }
    return ExitCode.OK;
  }

  private Stream<Path> otherFiles() {
    return Stream.concat(
        Stream.of(mask, bias, promptTokens, outputTokens).flatMap(Stream::ofNullable),
        numbers.files());
  }

  private void requireType(Tensor x) {
    if (x.type() == DType.F64) {
      throw new CommandException(
          in + " has f64, and tokens are sampled from f16, bf16 or f32; save x.astype('<f4')");
    }
    type.requireFor(x, in);
  }

  private SamplerInputs inputs(FileMemory memory) {
    SamplerInputs inputs = SamplerInputs.none();
    if (mask != null) {
      inputs = inputs.classMask(InputFiles.flags(mask, memory));
    }
    if (bias != null) {
      inputs = inputs.bias(InputFiles.floats(bias, memory));
    }
    if (promptTokens != null) {
      inputs = inputs.promptTokens(InputFiles.integers(promptTokens, memory));
    }
    if (outputTokens != null) {
      inputs = inputs.outputTokens(InputFiles.integers(outputTokens, memory));
    }
    return inputs;
  }

  private void sample(
      Sampler sampler,
      Sampler.@Nullable Requests requests,
      Rows rows,
      SamplerInputs inputs,
      Tensor tokens,
      Sampler.Outputs outputs) {
    SamplerCall call = sampler.on(rows.input(), tokens).inputs(inputs).outputs(outputs);
    if (requests == null) {
      call.run(numbers.step());
    } else {
      call.run(requests);
    }
  }

  private String report(Sampler.Outputs outputs, @Nullable List<Object> tokens) {
    Used used = Used.of(compute);
    if (!json) {
      return message(
          "rows         %d, %d with a token%ncomputed by  %s",
          outputs.rows(), outputs.sampled(), used.text());
    }
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("rows", outputs.rows());
    object.put("sampled", outputs.sampled());
    if (tokens != null) {
      object.put("tokens", tokens);
    }
    object.put("backend", used.backend());
    object.put("isa", used.isa());
    object.put("threads", used.threads());
    return Json.line(object);
  }
}
