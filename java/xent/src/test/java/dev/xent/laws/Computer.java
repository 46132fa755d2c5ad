// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.AnyBuilder;
import dev.xent.Argmax;
import dev.xent.BinaryCrossEntropy;
import dev.xent.CrossEntropy;
import dev.xent.CrossEntropyHvp;
import dev.xent.CrossEntropyShard;
import dev.xent.DType;
import dev.xent.Divergence;
import dev.xent.Entropy;
import dev.xent.Inputs;
import dev.xent.LogSoftmax;
import dev.xent.LogSumExp;
import dev.xent.LossOutputs;
import dev.xent.LossSum;
import dev.xent.NllLoss;
import dev.xent.PartialStates;
import dev.xent.RowStatistics;
import dev.xent.Sampler;
import dev.xent.SamplerInputs;
import dev.xent.SamplerOutputs;
import dev.xent.SelectedLogProbabilities;
import dev.xent.Softmax;
import dev.xent.SoftmaxShard;
import dev.xent.Tensor;
import dev.xent.TopK;
import dev.xent.options.DivergenceKind;
import dev.xent.options.Smoothing;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/** Calls with a batch, in the layouts of its sample, on one backend and instruction set. */
final class Computer implements AutoCloseable {
  private static final int TOP = 3;

  final Batch batch;
  final Sample sample;
  final Tier tier;
  private final Arena arena = Arena.ofConfined();
  private final long[] sizes;
  private final Tensor targets;
  private final Tensor classWeights;
  private final Tensor rowWeights;
  private final Tensor targetWeights;
  private final Tensor mask;
  private final Tensor sink;
  private final Tensor offsets;
  private final UnaryOperator<Tensor> spoil;

  /** What is written, as it was before. */
  private final Map<Slab, byte[]> results = new LinkedHashMap<>();

  Computer(Batch batch, Tier tier) {
    this(batch, tier, result -> result);
  }

  /** With the first result of every call made into another tensor. */
  Computer(Batch batch, Tier tier, UnaryOperator<Tensor> spoil) {
    this.spoil = spoil;
    this.batch = batch;
    this.sample = batch.sample;
    this.tier = tier;
    this.sizes = sample.sizes().stream().mapToLong(Integer::longValue).toArray();
    Layout in = sample.in();
    DType beside = sample.isWide() ? DType.F64 : DType.F32;
    this.classWeights =
        batch.classWeights == null
            ? null
            : Slab.of(arena, DType.F32, in, new long[] {batch.classWeights.length}, 0)
                .put(0, batch.classWeights)
                .tensor;
    this.rowWeights = rowWeights(beside);
    this.sink = sink(beside);
    this.mask = mask();
    this.offsets = sample.ragged() ? offsets() : null;
    Options.Targets kind = sample.options().targets();
    this.targets =
        switch (kind) {
          case LABELS -> {
            Slab slab = perRow(in, batch.labelType());
            for (int r = 0; r < batch.rows; r++) {
              slab.put(r, new long[] {batch.labels[r]});
            }
            yield slab.tensor;
          }
          case PROBABILITIES -> perClass(in, DType.F32).put(batch.probabilities).tensor;
          case SPARSE -> {
            Slab slab = few(in, batch.labelType(), entries());
            for (int r = 0; r < batch.rows; r++) {
              slab.put(r, batch.entries[r]);
            }
            yield slab.tensor;
          }
        };
    this.targetWeights =
        kind == Options.Targets.SPARSE
            ? few(in, DType.F32, entries()).put(batch.entryWeights).tensor
            : null;
  }

  @Override
  public void close() {
    arena.close();
  }

  // ---- memory ----------------------------------------------------------------------------------

  private int entries() {
    return batch.rows == 0 ? 1 : batch.entries[0].length;
  }

  private Slab perClass(Layout layout, DType type) {
    return sample.ragged()
        ? Slab.ragged(arena, type, layout, batch.lengths())
        : Slab.of(arena, type, layout, sizes, sample.axis());
  }

  private Slab perRow(Layout layout, DType type) {
    return sample.ragged()
        ? Slab.of(arena, type, layout, new long[] {batch.rows}, -1)
        : few(layout, type, 1);
  }

  /** {@code count} elements per row, along the axis of the classes. */
  private Slab few(Layout layout, DType type, int count) {
    if (sample.ragged()) {
      return Slab.of(arena, type, layout, new long[] {batch.rows, count}, 1);
    }
    long[] own = sizes.clone();
    own[sample.axis()] = count;
    return Slab.of(arena, type, layout, own, sample.axis());
  }

  private Tensor rowWeights(DType type) {
    if (batch.rowWeights == null) {
      return null;
    }
    boolean bytes = sample.options().beside().rowWeights() == 2;
    return perRow(sample.in(), bytes ? DType.U8 : type).putEach(batch.rowWeights).tensor;
  }

  private Tensor sink(DType type) {
    if (batch.sink == null) {
      return null;
    }
    if (sample.options().beside().sink() == 2 && batch.rows > 0) {
      return Slab.of(arena, type, Layout.PLAIN, new long[] {1}, 0).put(0, batch.sink[0]).tensor;
    }
    return perRow(sample.in(), type).putEach(batch.sink).tensor;
  }

  private Tensor mask() {
    if (batch.mask == null) {
      return null;
    }
    boolean one =
        sample.options().beside().mask() == 1
            && !sample.ragged()
            && batch.rows > 0
            && sizes.length > 1;
    Slab slab =
        one
            ? Slab.of(arena, DType.U8, sample.in(), new long[] {sample.classes()}, 0)
            : perClass(sample.in(), DType.U8);
    for (int r = 0; r < (one ? 1 : batch.rows); r++) {
      long[] flags = new long[batch.mask[r].length];
      for (int k = 0; k < flags.length; k++) {
        flags[k] = batch.mask[r][k] ? 1 + k % 3 : 0;
      }
      slab.put(r, flags);
    }
    return slab.tensor;
  }

  private Tensor offsets() {
    long[] starts = new long[batch.rows + 1];
    for (int r = 0; r < batch.rows; r++) {
      starts[r + 1] = starts[r] + batch.classes(r);
    }
    return Tensor.of(starts);
  }

  private Slab logits() {
    return perClass(sample.in(), sample.type()).put(batch.logits);
  }

  /** The first result, in its own memory or in that of the input. */
  private Slab result(Slab input) {
    return result(input, sample.result());
  }

  private Slab result(Slab input, DType type) {
    boolean inPlace = sample.inPlace() && sample.type() == type;
    Slab result = (inPlace ? input : perClass(sample.out(), type)).seenAs(spoil);
    results.put(result, result.bytes());
    return result;
  }

  /** Fails if a call has written into its first result. */
  void assertNothingWritten() {
    results.forEach((slab, before) -> assertThat(slab.bytes()).isEqualTo(before));
  }

  // ---- inputs ----------------------------------------------------------------------------------

  private Inputs ofBackward() {
    Inputs inputs = mask == null ? Inputs.none() : Inputs.none().withClassMask(mask);
    return offsets == null ? inputs : inputs.withRowOffsets(offsets);
  }

  private Inputs ofSoftmax() {
    return sink == null ? ofBackward() : ofBackward().withSink(sink);
  }

  private Inputs ofNll() {
    Inputs inputs = rowWeights == null ? ofBackward() : ofBackward().withRowWeights(rowWeights);
    return targetWeights == null ? inputs : inputs.withTargetWeights(targetWeights);
  }

  private Inputs ofLoss() {
    return sink == null ? ofNll() : ofNll().withSink(sink);
  }

  private int axis() {
    return sample.ragged() ? 0 : sample.axis();
  }

  // ---- operations on logits --------------------------------------------------------------------

  /** What all operations on logits have. */
  private AnyBuilder logits(boolean forBackward) {
    Options options = sample.options();
    return new AnyBuilder(
        tier.execution(),
        axis(),
        options.fullyMasked(),
        options.temperature(),
        forBackward ? 0 : options.softcap());
  }

  private Softmax softmax(boolean forBackward) {
    return logits(forBackward).with(Softmax.builder()).build();
  }

  private LogSoftmax logSoftmax(boolean forBackward) {
    return logits(forBackward).with(LogSoftmax.builder()).build();
  }

  Output softmax() {
    Slab x = logits();
    Slab y = result(x);
    softmax(false).on(x.tensor, y.tensor).inputs(ofSoftmax()).run();
    return y.take();
  }

  Output logSoftmax() {
    Slab x = logits();
    Slab y = result(x);
    logSoftmax(false).on(x.tensor, y.tensor).inputs(ofSoftmax()).run();
    return y.take();
  }

  Output logSumExp() {
    Slab y = perRow(sample.out(), sample.result());
    logits(false)
        .with(LogSumExp.builder())
        .build()
        .on(logits().tensor, y.tensor)
        .inputs(ofSoftmax())
        .run();
    return y.take();
  }

  /** The backward of softmax, with the logits instead of the output of a forward. */
  Output softmaxBackward() {
    Slab y = logits();
    Slab dx = result(y);
    Slab dy = perClass(sample.in(), sample.type()).put(batch.upstream);
    softmax(true).onBackward(y.tensor, dy.tensor, dx.tensor).inputs(ofBackward()).run();
    return dx.take();
  }

  /** The backward of log-softmax, likewise. */
  Output logSoftmaxBackward() {
    Slab y = logits();
    Slab dx = result(y);
    Slab dy = perClass(sample.in(), sample.type()).put(batch.upstream);
    logSoftmax(true).onBackward(y.tensor, dy.tensor, dx.tensor).inputs(ofBackward()).run();
    return dx.take();
  }

  // ---- losses ----------------------------------------------------------------------------------

  CrossEntropy crossEntropy() {
    Options options = sample.options();
    CrossEntropy.Builder builder =
        CrossEntropy.builder()
            .execution(tier.execution())
            .axis(axis())
            .labelSmoothing(options.smoothing())
            .reduction(options.reduction())
            .gradientScale(options.gradientScale())
            .emptyMean(options.emptyMean())
            .fullyMasked(options.fullyMasked())
            .smoothing(options.others() ? Smoothing.OTHERS : Smoothing.UNIFORM)
            .zLoss(options.zLoss())
            .classWeights(classWeights);
    if (options.temperature() != 0) {
      builder.temperature(options.temperature());
    }
    if (options.softcap() != 0) {
      builder.softcap(options.softcap());
    }
    if (options.clamp() != 0) {
      builder.probabilityClamp(options.clamp());
    }
    if (options.ignores()) {
      builder.ignoreIndex(Options.IGNORED);
    }
    return builder.build();
  }

  /** The results of a loss: numbers, and arrays by name. */
  static final class Loss {
    final LossSum lossSum = LossSum.create();
    double loss;
    double sum;
    double denominator;
    long rows;
    long counted;
    final Map<String, Output> arrays = new LinkedHashMap<>();

    Output get(String name) {
      return arrays.get(name);
    }
  }

  private interface Call {
    double of(Slab logits, Slab gradient);
  }

  /** Loss and gradient, with all outputs of the loss. */
  Loss loss() {
    CrossEntropy operation = crossEntropy();
    Loss loss = new Loss();
    LossOutputs outputs =
        LossOutputs.create().lossSum(loss.lossSum).countCorrect(sample.options().isLabels());
    return run(
        loss,
        perRowResults(outputs),
        (x, dx) ->
            operation.on(x.tensor, targets, dx.tensor).inputs(ofLoss()).outputs(outputs).run(),
        () ->
            new double[] {
              outputs.sum(),
              outputs.denominator(),
              outputs.rows(),
              outputs.validRows(),
              sample.options().isLabels() ? outputs.correctRows() : -1
            });
  }

  /** The numbers are those of the outputs: sum, denominator, rows, counted, correct. */
  private Loss run(Loss loss, Map<String, Slab> wanted, Call call, Supplier<double[]> numbers) {
    Slab x = logits();
    Slab dx = result(x);
    loss.loss = call.of(x, dx);
    double[] all = numbers.get();
    loss.sum = all[0];
    loss.denominator = all[1];
    loss.rows = (long) all[2];
    loss.counted = (long) all[3];
    loss.arrays.put("gradient", dx.take());
    wanted.forEach((name, slab) -> loss.arrays.put(name, slab.take()));
    loss.arrays.put("exact_sum", Output.of(loss.lossSum.toBytes()));
    loss.arrays.put("numbers", Output.of(loss.loss, all[0], all[1], all[2], all[3], all[4]));
    return loss;
  }

  private Map<String, Slab> perRowResults(LossOutputs outputs) {
    Map<String, Slab> slabs = new LinkedHashMap<>();
    Layout out = sample.out();
    DType type = sample.result();
    slabs.put("losses", perRow(out, type));
    slabs.put("log-sum-exp", perRow(out, type));
    slabs.put("entropies", perRow(out, type));
    slabs.put("argmax", perRow(out, DType.I32));
    outputs.losses(slabs.get("losses").tensor).logSumExp(slabs.get("log-sum-exp").tensor);
    outputs.entropies(slabs.get("entropies").tensor).argmax(slabs.get("argmax").tensor);
    int top = Math.min(TOP, batch.longest());
    if (top > 0 && batch.rows > 0) {
      Slab classes = few(out, DType.I64, top);
      Slab values = few(out, type, top);
      slabs.put("top classes", classes);
      slabs.put("top log-probabilities", values);
      outputs.topClasses(classes.tensor).topLogProbabilities(values.tensor);
    }
    if (sample.options().isLabels()) {
      slabs.put("correct", perRow(out, DType.U8));
      slabs.put("ranks", perRow(out, DType.I64));
      slabs.put("log-probabilities", perRow(out, type));
      outputs.correct(slabs.get("correct").tensor).ranks(slabs.get("ranks").tensor);
      outputs.logProbabilities(slabs.get("log-probabilities").tensor);
    } else {
      boolean sparse = targetWeights != null;
      slabs.put("target gradient", sparse ? few(out, type, entries()) : perClass(out, type));
      outputs.targetGradient(slabs.get("target gradient").tensor);
    }
    return slabs;
  }

  /** The loss alone, without an outcome; then with its gradient. */
  Output plainLosses() {
    CrossEntropy operation = crossEntropy();
    Slab x = logits();
    double alone = operation.on(x.tensor, targets).inputs(ofLoss()).run();
    Slab dx = result(x);
    return Output.of(alone, operation.on(x.tensor, targets, dx.tensor).inputs(ofLoss()).run());
  }

  /** The gradient by a forward that saves and a backward, with one upstream number per row. */
  Output backward(boolean withUpstream) {
    CrossEntropy operation = crossEntropy();
    LossOutputs saved = LossOutputs.create().saveStatistics(arena);
    Slab x = logits();
    operation.on(x.tensor, targets).inputs(ofLoss()).outputs(saved).run();
    Tensor upstream =
        withUpstream
            ? perRow(sample.in(), sample.isWide() ? DType.F64 : DType.F32)
                .putEach(batch.rowUpstream)
                .tensor
            : null;
    Slab dx = result(x);
    operation.onBackward(x.tensor, targets, saved, upstream, dx.tensor).inputs(ofLoss()).run();
    return dx.take();
  }

  /** The outputs that need logits, but no targets. */
  Map<String, Output> prediction() {
    Map<String, Slab> slabs = new LinkedHashMap<>();
    Layout out = sample.out();
    Slab argmax = perRow(out, DType.I32);
    slabs.put("argmax", argmax);
    Argmax.builder()
        .execution(tier.execution())
        .axis(axis())
        .build()
        .on(logits().tensor, argmax.tensor)
        .inputs(ofBackward())
        .run();
    Slab entropies = perRow(out, sample.result());
    slabs.put("entropies", entropies);
    logits(false)
        .with(Entropy.builder())
        .build()
        .on(logits().tensor, entropies.tensor)
        .inputs(ofSoftmax())
        .run();
    int k = Math.min(TOP, batch.longest());
    if (k > 0 && batch.rows > 0) {
      TopK top = logits(false).with(TopK.builder(k)).build();
      Slab classes = few(out, DType.I64, k);
      Slab logProbabilities = few(out, sample.result(), k);
      top.onLogProbabilities(logits().tensor, classes.tensor, logProbabilities.tensor)
          .inputs(ofSoftmax())
          .run();
      slabs.put("top classes", classes);
      slabs.put("top log-probabilities", logProbabilities);
      Slab sameClasses = few(out, DType.I32, k);
      Slab probabilities = few(out, sample.result(), k);
      top.onProbabilities(logits().tensor, sameClasses.tensor, probabilities.tensor)
          .inputs(ofSoftmax())
          .run();
      slabs.put("top classes beside probabilities", sameClasses);
      slabs.put("top probabilities", probabilities);
    }
    Map<String, Output> results = new LinkedHashMap<>();
    slabs.forEach((name, slab) -> results.put("predicted " + name, slab.take()));
    return results;
  }

  private NllLoss nllLoss() {
    Options options = sample.options();
    NllLoss.Builder builder =
        NllLoss.builder()
            .execution(tier.execution())
            .axis(axis())
            .labelSmoothing(options.smoothing())
            .reduction(options.reduction())
            .gradientScale(options.gradientScale())
            .emptyMean(options.emptyMean())
            .smoothing(options.others() ? Smoothing.OTHERS : Smoothing.UNIFORM)
            .classWeights(classWeights);
    return (options.ignores() ? builder.ignoreIndex(Options.IGNORED) : builder).build();
  }

  /** The loss of log-probabilities, with the logits in their place. */
  Loss nll() {
    NllLoss operation = nllLoss();
    Slab losses = perRow(sample.out(), sample.result());
    Loss loss = new Loss();
    LossOutputs outputs =
        LossOutputs.create()
            .losses(losses.tensor)
            .lossSum(loss.lossSum)
            .countCorrect(sample.options().isLabels());
    return run(
        loss,
        Map.of("losses", losses),
        (x, dx) ->
            operation.on(x.tensor, targets, dx.tensor).inputs(ofNll()).outputs(outputs).run(),
        () ->
            new double[] {
              outputs.sum(),
              outputs.denominator(),
              outputs.rows(),
              outputs.validRows(),
              sample.options().isLabels() ? outputs.correctRows() : -1
            });
  }

  /** The Kullback-Leibler divergence of the logits from the teacher's. */
  Loss kl() {
    return divergence(DivergenceKind.KULLBACK_LEIBLER);
  }

  /** A divergence of the logits from the teacher's. */
  Loss divergence(DivergenceKind kind) {
    Options options = sample.options();
    Divergence.Builder builder =
        Divergence.builder(kind)
            .execution(tier.execution())
            .axis(axis())
            .fullyMasked(options.fullyMasked())
            .reduction(options.reduction())
            .gradientScale(options.gradientScale())
            .emptyMean(options.emptyMean());
    if (options.temperature() != 0) {
      builder.temperature(options.temperature());
    }
    Divergence operation = builder.build();
    Slab losses = perRow(sample.out(), sample.result());
    Slab teacher = perClass(sample.in(), sample.type()).put(batch.teacher);
    Inputs inputs = rowWeights == null ? ofBackward() : ofBackward().withRowWeights(rowWeights);
    Loss result = new Loss();
    Slab x = logits();
    Slab dx = result(x);
    LossOutputs outputs = LossOutputs.create().losses(losses.tensor).lossSum(result.lossSum);
    result.loss =
        operation.on(x.tensor, teacher.tensor, dx.tensor).inputs(inputs).outputs(outputs).run();
    result.sum = outputs.sum();
    result.arrays.put("gradient", dx.take());
    result.arrays.put("losses", losses.take());
    result.arrays.put("exact_sum", Output.of(result.lossSum.toBytes()));
    result.arrays.put("numbers", Output.of(result.loss, result.sum));
    return result;
  }

  // ---- selected classes, elements, vectors, tokens ----------------------------------------------

  /** Log-probabilities of the classes that sparse targets have, and their gradient. */
  Map<String, Output> selected() {
    Slab classes = few(sample.in(), DType.I32, entries());
    for (int r = 0; r < batch.rows; r++) {
      classes.put(r, batch.entries[r]);
    }
    Slab pulls = few(sample.in(), DType.F32, entries()).put(batch.entryWeights);
    Slab values = few(sample.out(), sample.result(), entries());
    Slab x = logits();
    Slab dx = result(x);
    logits(false)
        .with(SelectedLogProbabilities.builder())
        .ignoreIndex(Options.IGNORED)
        .gradientScale(sample.options().gradientScale())
        .build()
        .on(x.tensor, classes.tensor, values.tensor, pulls.tensor, dx.tensor)
        .inputs(ofSoftmax())
        .run();
    return Map.of("log-probabilities", values.take(), "gradient", dx.take());
  }

  /** Every logit by itself, with targets from 0 to 1; focal if the options have a z-loss. */
  Loss binary() {
    Options options = sample.options();
    BinaryCrossEntropy operation =
        BinaryCrossEntropy.builder()
            .execution(tier.execution())
            .axis(axis())
            .reduction(options.reduction())
            .gradientScale(options.gradientScale())
            .emptyMean(options.emptyMean())
            .focalGamma(options.zLoss() == 0 ? 0 : 1.5)
            .build();
    double[][] shares = Batch.change(batch.upstream, (r, k, x) -> x > 0.5 ? 1 : Math.abs(x) % 1);
    Slab of = perClass(sample.in(), sample.type()).put(shares);
    Slab losses = perClass(sample.out(), sample.result());
    Loss result = new Loss();
    Slab x = logits();
    Slab dx = result(x);
    LossOutputs outputs = LossOutputs.create().losses(losses.tensor).lossSum(result.lossSum);
    Inputs weights =
        rowWeights == null ? Inputs.none() : Inputs.none().withElementWeights(rowWeights);
    result.loss =
        operation.on(x.tensor, of.tensor, dx.tensor).inputs(weights).outputs(outputs).run();
    result.sum = outputs.sum();
    result.arrays.put("gradient", dx.take());
    result.arrays.put("losses", losses.take());
    result.arrays.put("exact_sum", Output.of(result.lossSum.toBytes()));
    result.arrays.put("numbers", Output.of(result.loss, result.sum, outputs.validRows()));
    return result;
  }

  /** The Hessian times the upstream; without a softcap, which it does not have. */
  Output hessian() {
    Slab x = logits();
    Slab y = result(x, sample.isWide() ? DType.F64 : DType.F32);
    Slab v = perClass(sample.in(), sample.type()).put(batch.upstream);
    Inputs inputs = rowWeights == null ? ofSoftmax() : ofSoftmax().withRowWeights(rowWeights);
    logits(true)
        .with(CrossEntropyHvp.builder())
        .gradientScale(sample.options().gradientScale())
        .build()
        .on(x.tensor, v.tensor, y.tensor)
        .inputs(inputs)
        .run();
    return y.take();
  }

  /** Tokens sampled with filters, a bias and penalties, and the other outputs of the sampler. */
  Map<String, Output> sampled() {
    double temperature = sample.options().temperature();
    Sampler sampler =
        Sampler.builder()
            .execution(tier.execution())
            .axis(axis())
            .temperature(temperature == 0 ? 1 : temperature)
            .topK(1 + sample.seed() % 40)
            .topP(0.9)
            .repetitionPenalty(1.25)
            .seed(sample.seed())
            .build();
    Slab before = few(sample.in(), DType.I16, entries());
    for (int r = 0; r < batch.rows; r++) {
      before.put(r, Arrays.stream(batch.entries[r]).map(k -> Math.max(k, -1)).toArray());
    }
    Slab bias = perClass(sample.in(), sample.type()).put(batch.upstream);
    SamplerInputs inputs =
        SamplerInputs.none().withBias(bias.tensor).withOutputTokens(before.tensor);
    Map<String, Slab> slabs = new LinkedHashMap<>();
    slabs.put("tokens", perRow(sample.out(), DType.I32));
    slabs.put("kept", perRow(sample.out(), DType.I64));
    slabs.put("kept mask", perClass(sample.out(), DType.U8));
    slabs.put("log-probabilities", perRow(sample.out(), sample.result()));
    slabs.put("processed log-probabilities", perRow(sample.out(), sample.result()));
    SamplerOutputs outputs =
        SamplerOutputs.create()
            .kept(slabs.get("kept").tensor)
            .keptMask(slabs.get("kept mask").tensor)
            .logProbabilities(slabs.get("log-probabilities").tensor)
            .processedLogProbabilities(slabs.get("processed log-probabilities").tensor);
    Tensor tokens = slabs.get("tokens").tensor;
    sampler
        .on(logits().tensor, tokens)
        .inputs(mask == null ? inputs : inputs.withClassMask(mask))
        .outputs(outputs)
        .run(3);
    Map<String, Output> results = new LinkedHashMap<>();
    slabs.forEach((name, slab) -> results.put(name, slab.take()));
    results.put("numbers", Output.of(outputs.rows(), outputs.sampled()));
    return results;
  }

  // ---- classes that are divided ----------------------------------------------------------------

  /** The part of a tensor that has these classes. */
  private Tensor part(Tensor whole, int[] part) {
    return whole.slice(sample.axis(), part[0], part[1]);
  }

  /** The inputs of one part: its own mask, and class weights are all there. */
  private Inputs of(int[] part, Inputs inputs) {
    boolean vector = mask != null && mask.rank() == 1 && sizes.length > 1;
    return mask == null
        ? inputs
        : inputs.withClassMask(vector ? mask.slice(0, part[0], part[1]) : part(mask, part));
  }

  /** Loss and gradient by states that are exchanged as bytes. */
  Loss dividedLoss(List<int[]> parts) {
    CrossEntropy operation = crossEntropy();
    Inputs ofStates = rowWeights == null ? Inputs.none() : Inputs.none().withRowWeights(rowWeights);
    Inputs ofFinish = sink == null ? ofStates : ofStates.withSink(sink);
    Inputs beside = targetWeights == null ? ofStates : ofStates.withTargetWeights(targetWeights);
    boolean rowsOfProbabilities = sample.options().targets() == Options.Targets.PROBABILITIES;
    Tensor labels = sample.options().isLabels() ? targets : null;
    Loss loss = new Loss();
    Map<String, Slab> slabs = new LinkedHashMap<>();
    slabs.put("losses", perRow(sample.out(), sample.result()));
    slabs.put("log-sum-exp", perRow(sample.out(), sample.result()));
    LossOutputs outputs =
        LossOutputs.create()
            .losses(slabs.get("losses").tensor)
            .logSumExp(slabs.get("log-sum-exp").tensor);
    if (labels != null) {
      slabs.put("correct", perRow(sample.out(), DType.U8));
      outputs.correct(slabs.get("correct").tensor);
    }
    Slab x = logits();
    Slab dx = result(x);
    RowStatistics rows = null;
    do {
      List<PartialStates> states = new ArrayList<>();
      for (int[] part : parts) {
        CrossEntropyShard shard = operation.shard(part[0], sample.classes());
        Tensor own = rowsOfProbabilities ? part(targets, part) : targets;
        Tensor logits = part(x.tensor, part);
        Inputs inputs = of(part, beside);
        PartialStates mine =
            rows == null
                ? shard.partialStates(logits, own, inputs)
                : shard.partialStates(logits, own, inputs, rows);
        states.add(PartialStates.ofBytes(mine.toBytes()));
      }
      PartialStates whole = PartialStates.merge(states);
      CrossEntropyShard first = operation.shard(0, sample.classes());
      rows =
          rows == null
              ? first.finish(whole, labels, ofFinish, outputs)
              : first.finish(whole, labels, ofFinish, rows, outputs);
    } while (rows.needsSecondRound());
    for (int[] part : parts) {
      Tensor own = rowsOfProbabilities ? part(targets, part) : targets;
      operation
          .shard(part[0], sample.classes())
          .backward(part(x.tensor, part), own, of(part, beside), rows, null, part(dx.tensor, part));
    }
    loss.loss = outputs.loss();
    loss.sum = outputs.sum();
    loss.arrays.put("gradient", dx.take());
    slabs.forEach((name, slab) -> loss.arrays.put(name, slab.take()));
    return loss;
  }

  /** Probabilities by states that are exchanged as bytes. */
  Output dividedSoftmax(List<int[]> parts) {
    Softmax operation = softmax(false);
    Inputs ofFinish = sink == null ? Inputs.none() : Inputs.none().withSink(sink);
    Slab x = logits();
    Slab y = result(x);
    RowStatistics rows = null;
    do {
      List<PartialStates> states = new ArrayList<>();
      for (int[] part : parts) {
        SoftmaxShard shard = operation.shard(part[0], sample.classes());
        Inputs inputs = of(part, Inputs.none());
        Tensor logits = part(x.tensor, part);
        PartialStates mine =
            rows == null
                ? shard.partialStates(logits, inputs)
                : shard.partialStates(logits, inputs, rows);
        states.add(PartialStates.ofBytes(mine.toBytes()));
      }
      PartialStates whole = PartialStates.merge(states);
      SoftmaxShard first = operation.shard(0, sample.classes());
      rows =
          rows == null
              ? first.finish(whole, ofFinish, null)
              : first.finish(whole, ofFinish, rows, null);
    } while (rows.needsSecondRound());
    for (int[] part : parts) {
      operation
          .shard(part[0], sample.classes())
          .forward(part(x.tensor, part), of(part, Inputs.none()), rows, part(y.tensor, part));
    }
    return y.take();
  }

  /** All results of every operation, by name. */
  Map<String, Output> everything() {
    Map<String, Output> all = new LinkedHashMap<>();
    all.put("softmax", softmax());
    all.put("log-softmax", logSoftmax());
    all.put("log-sum-exp", logSumExp());
    all.put("softmax backward", softmaxBackward());
    all.put("log-softmax backward", logSoftmaxBackward());
    loss().arrays.forEach((name, output) -> all.put("cross-entropy " + name, output));
    all.put("cross-entropy alone", plainLosses());
    all.put("cross-entropy backward", backward(true));
    all.putAll(prediction());
    nll().arrays.forEach((name, output) -> all.put("nll " + name, output));
    selected().forEach((name, output) -> all.put("selected " + name, output));
    all.put("Hessian", hessian());
    if (!sample.ragged()) {
      for (DivergenceKind kind : DivergenceKind.values()) {
        divergence(kind).arrays.forEach((name, output) -> all.put(kind + " " + name, output));
      }
      binary().arrays.forEach((name, output) -> all.put("binary " + name, output));
      if (!sample.isWide()) {
        sampled().forEach((name, output) -> all.put("sampled " + name, output));
      }
    }
    return all;
  }

  /** Runs one call and closes. */
  static <T> T compute(Batch batch, Tier tier, Function<Computer, T> call) {
    try (Computer computer = new Computer(batch, tier)) {
      return call.apply(computer);
    }
  }
}
