// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.options.Backend;
import dev.xent.options.DivergenceKind;
import dev.xent.options.Reduction;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The bits of every result of every operation, forward and backward.
 *
 * @param backend who computes
 * @param helpers who helps
 * @param threads how many threads work on a call, at most
 */
record EveryOperation(Backend backend, Helpers helpers, int threads) {

  /** Makes a tensor of the shape of the logits with these values, in its own memory. */
  @FunctionalInterface
  interface Maker {
    Tensor make(float[] values);
  }

  /**
   * Computes.
   *
   * @param maker of tensors
   * @param x logits
   * @param dy upstream gradients, and probability rows
   * @param labels class indices
   * @param arena for statistics
   */
  Map<String, int[]> results(Maker maker, float[] x, float[] dy, Tensor labels, Arena arena) {
    Map<String, int[]> bits = new LinkedHashMap<>();
    Tensor logits = maker.make(x);
    Tensor upstream = maker.make(dy);
    Tensor output = maker.make(new float[x.length]);
    long[] rows = labels.shape();
    int rowCount = (int) labels.elements();

    Softmax softmax = Softmax.builder().axis(1).execution(execution()).build();
    softmax.forward(logits, output);
    bits.put("softmax", Samples.bits(output));
    Tensor gradient = maker.make(x);
    softmax.backward(output, upstream, gradient);
    bits.put("softmax backward", Samples.bits(gradient));

    LogSoftmax log = LogSoftmax.builder().axis(1).execution(execution()).build();
    Tensor logs = maker.make(x);
    log.forward(logs, logs);
    bits.put("log-softmax", Samples.bits(logs));
    log.backward(logs, upstream, gradient);
    bits.put("log-softmax backward", Samples.bits(gradient));

    Tensor perRow = Tensor.of(new float[rowCount], rows);
    LogSumExp.builder().axis(1).execution(execution()).build().forward(logits, perRow);
    bits.put("log-sum-exp", Samples.bits(perRow));

    CrossEntropy loss =
        CrossEntropy.builder()
            .axis(1)
            .ignoreIndex(1)
            .labelSmoothing(0.1)
            .reduction(Reduction.SUM)
            .execution(execution())
            .build();
    LossOutputs outcome =
        LossOutputs.create()
            .losses(Tensor.of(new float[rowCount], rows))
            .logSumExp(perRow)
            .correct(Tensor.of(ByteBuffer.allocateDirect(rowCount), DType.U8).reshape(rows))
            .saveStatistics(arena);
    bits.put("loss", bits(loss.on(logits, labels, gradient).outputs(outcome).run()));
    bits.put("gradient", Samples.bits(gradient));
    bits.put("outcome", numbers(outcome));
    bits.put("log-sum-exp of a loss", Samples.bits(perRow));
    loss.onBackward(logits, labels, outcome, perRow, gradient).run();
    bits.put("gradient of upstream", Samples.bits(gradient));
    bits.put("loss alone", bits(loss.forward(logits, labels)));
    bits.put("loss of probabilities", bits(probabilities().forward(logits, upstream)));
    bits.put("its gradient", bits(probabilities().forwardBackward(logits, upstream, gradient)));
    bits.put("gradient of probabilities", Samples.bits(gradient));

    NllLoss nll = NllLoss.of(loss);
    LossOutputs counting = LossOutputs.create().countCorrect(true);
    bits.put("nll", bits(nll.on(logs, labels, gradient).outputs(counting).run()));
    bits.put("nll gradient", Samples.bits(gradient));
    bits.put("nll outcome", numbers(counting));
    nll.onBackward(gradient, labels, counting, perRow, gradient).run();
    bits.put("nll gradient of upstream", Samples.bits(gradient));

    SelectedLogProbabilities selected =
        SelectedLogProbabilities.builder().axis(1).ignoreIndex(1).execution(execution()).build();
    selected.on(logits, labels, perRow, null, gradient).run();
    bits.put("selected log-probabilities", Samples.bits(perRow));
    bits.put("their gradient", Samples.bits(gradient));
    BinaryCrossEntropy binary =
        BinaryCrossEntropy.builder().axis(1).focalGamma(2).execution(execution()).build();
    bits.put("binary loss", bits(binary.forwardBackward(logits, upstream, gradient)));
    bits.put("gradient of elements", Samples.bits(gradient));
    for (DivergenceKind kind : DivergenceKind.values()) {
      Divergence divergence = Divergence.builder(kind).axis(1).execution(execution()).build();
      bits.put(kind + " divergence", bits(divergence.forwardBackward(logits, upstream, gradient)));
      bits.put("gradient of " + kind, Samples.bits(gradient));
    }
    CrossEntropyHvp.builder()
        .axis(1)
        .temperature(1.5)
        .execution(execution())
        .build()
        .product(logits, upstream, output);
    bits.put("Hessian-vector products", Samples.bits(output));
    sample(logits, perRow, rows, rowCount, bits);
    return bits;
  }

  private void sample(
      Tensor logits, Tensor perRow, long[] rows, int rowCount, Map<String, int[]> bits) {
    Sampler sampler =
        Sampler.builder()
            .axis(1)
            .topK(7)
            .topP(0.9)
            .temperature(0.8)
            .seed(1)
            .execution(execution())
            .build();
    int[] tokens = new int[rowCount];
    int[] kept = new int[rowCount];
    SamplerOutputs outputs =
        SamplerOutputs.create()
            .processedLogProbabilities(perRow)
            .kept(Tensor.of(kept).reshape(rows));
    sampler.on(logits, Tensor.of(tokens).reshape(rows)).outputs(outputs).run(3);
    bits.put("tokens", tokens);
    bits.put("kept", kept);
    bits.put("processed log-probabilities", Samples.bits(perRow));
    bits.put("sampled", new int[] {(int) outputs.rows(), (int) outputs.sampled()});
  }

  private Execution execution() {
    return helpers.help(Execution.defaults().withBackend(backend), threads);
  }

  private CrossEntropy probabilities() {
    return CrossEntropy.builder().axis(1).execution(execution()).build();
  }

  private static int[] numbers(LossOutputs outcome) {
    return new int[] {(int) outcome.rows(), (int) outcome.validRows(), (int) outcome.correctRows()};
  }

  private static int[] bits(double value) {
    long bits = Double.doubleToRawLongBits(value);
    return new int[] {(int) (bits >>> 32), (int) bits};
  }
}
