// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.calibration.Calibration;
import dev.xent.calibration.TemperatureScaling;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import org.junit.jupiter.api.Test;

/** The examples of the Javadoc, which {@link SnippetsTest} compares with these. */
class ExamplesTest {
  private static final int ROWS = 4;
  private static final int CLASSES = 10;

  private final Tensor logits = Tensor.of(Samples.logits(ROWS * CLASSES, 2, 1), ROWS, CLASSES);
  private final Tensor labels = Tensor.of(Samples.labels(ROWS, CLASSES, 2));
  private final Tensor gradient = Tensor.allocate(DType.F32, ROWS, CLASSES);
  private final Tensor tokens = Tensor.allocate(DType.I32, ROWS);
  private final CrossEntropy loss = CrossEntropy.mean();
  private final Sampler sampler = Sampler.builder().seed(1).build();
  private final long step = 3;

  private record Batch(Tensor logits, Tensor labels) {}

  @Test
  void lossSum() {
    List<Batch> batches = List.of(new Batch(logits, labels), new Batch(logits, labels));
    // @start region="lossSum" :
    LossSum sum = LossSum.create();
    LossOutputs outputs = LossOutputs.create().lossSum(sum);
    for (Batch batch : batches) {
      loss.on(batch.logits(), batch.labels()).outputs(outputs).run();
    }
    double mean = sum.mean();
    // @end
    assertThat(mean).isEqualTo(loss.forward(logits, labels));
  }

  @Test
  void lossCall() {
    Batches batches = new Batches(2);
    // @start region="lossCall" :
    LossCall call = loss.on(logits, labels, gradient);
    while (batches.next(logits, labels)) {
      double mean = call.run();
    }
    // @end
    assertThat(batches.left).isZero();
  }

  private static final class Batches {
    private int left;

    Batches(int count) {
      left = count;
    }

    boolean next(Tensor logits, Tensor labels) {
      logits.setFloat(left, 0, 0);
      labels.setLong(left, 0);
      if (left == 0) {
        return false;
      }
      left--;
      return true;
    }
  }

  @Test
  void inputs() {
    Tensor mask = Tensor.of(new byte[] {1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
    Tensor weights = Tensor.of(new float[] {1, 2, 1, 1});
    // @start region="inputs" :
    Inputs inputs = Inputs.none().withClassMask(mask).withRowWeights(weights);
    double mean = loss.on(logits, labels, gradient).inputs(inputs).run();
    // @end
    assertThat(mean).isPositive();
  }

  @Test
  void execution() {
    Executor executor = Runnable::run;
    // @start region="execution" :
    Execution alone = Execution.sequential();
    Execution shared = Execution.defaults().withThreads(4).withExecutor(executor);
    Softmax softmax = Softmax.builder().execution(shared).build();
    // @end
    assertThat(softmax.toString())
        .isNotEqualTo(Softmax.builder().execution(alone).build().toString());
  }

  @Test
  void topK() {
    // @start region="topK" :
    TopKResult best = TopK.of(5).probabilities(logits); // of logits [32, 50000]
    best.classes(); // I32 [32, 5]
    best.values(); // F32 [32, 5]
    // @end
    assertThat(best.values().shape()).containsExactly(ROWS, 5);
  }

  @Test
  void selectedLogProbabilities() {
    Tensor tokens = labels;
    Tensor logProbabilities = Tensor.allocate(DType.F32, ROWS);
    Tensor offsets = Tensor.of(new int[] {0, 3, ROWS});
    Tensor scores = Tensor.allocate(DType.F32, 2);
    // @start region="selected" :
    SelectedLogProbabilities selected = SelectedLogProbabilities.along(-1);
    selected.forward(logits, tokens, logProbabilities); // [T, V], [T] and [T]
    selected.sumSequences(logProbabilities, offsets, scores);
    // @end
    assertThat(scores.getFloat(0)).isNegative();
  }

  private Batches batches = new Batches(2);
  private final Tensor targets = labels;
  private final Model model = new Model();

  @Test
  void calibration() {
    Tensor logits = Tensor.of(new float[] {4, 0, 0, 0, 4, 0, 4, 0, 0}, 3, 3);
    Tensor labels = Tensor.of(new int[] {0, 1, 1});
    // @start region="calibration" :
    Calibration calibration = Calibration.ofClasses().add(logits, labels);
    System.out.println(calibration.expectedError());
    System.out.println(calibration.withTemperature(2).add(logits, labels).expectedError());
    // @end
    // @start region="temperature" :
    double temperature = TemperatureScaling.fit(logits, labels);
    Softmax calibrated = Softmax.builder().temperature(temperature).build();
    // @end
    Tensor[] batches = {logits};
    Tensor[] labelsOf = {labels};
    assertThat(ofBatches(batches, labelsOf)).isEqualTo(temperature);
    assertThat(calibrated.forward(logits).getFloat(0, 0)).isEqualTo(0.6666667f);
  }

  private static double ofBatches(Tensor[] batches, Tensor[] labels) {
    // @start region="temperatureOfBatches" :
    TemperatureScaling scaling = TemperatureScaling.ofClasses();
    do {
      for (int i = 0; i < batches.length; i++) {
        scaling.add(batches[i], labels[i]);
      }
    } while (scaling.next());
    double temperature = scaling.temperature();
    // @end
    return temperature;
  }

  // @start region="loss" :
  void train(Loss loss) {
    LossCall call = loss.on(logits, targets, gradient);
    while (batches.next(logits, targets)) {
      call.run();
      model.update(gradient);
    }
  }

  // @end

  private static final class Model {
    private final List<Float> updates = new ArrayList<>();

    void update(Tensor gradient) {
      updates.add(gradient.getFloat(0, 0));
    }
  }

  @Test
  void everyLoss() {
    train(CrossEntropy.mean());
    batches = new Batches(1);
    train(NllLoss.sum());
    assertThat(model.updates).hasSize(3).element(0).isNotEqualTo(0f);
  }

  // @start region="families" :
  static <B extends LogitBuilder<B>> B withOptions(B builder) {
    return builder.axis(1).temperature(0.5);
  }

  // @end

  @Test
  void families() {
    assertThat(withOptions(Softmax.builder()).build())
        .hasToString("Softmax[axis=1, temperature=0.5]");
    assertThat(withOptions(TopK.builder(5)).build())
        .hasToString("TopK[k=5, axis=1, temperature=0.5]");
  }

  // ---- sampling --------------------------------------------------------------------------------

  @Test
  void sampler() {
    Tensor row = logits.select(0, 0);
    // @start region="sampler" :
    Sampler sampler = Sampler.builder().temperature(0.8).topK(50).topP(0.95).seed(42).build();
    long token = sampler.token(row, step); // of logits [50000]; step counts the tokens
    Tensor tokens = sampler.sample(logits, step); // of logits [32, 50000]: I32 [32]
    // @end
    assertThat(token).isEqualTo(tokens.getLong(0));
  }

  @Test
  void samplerCursor() {
    Tensor row = logits.select(0, 0);
    // @start region="cursor" :
    SamplerCursor cursor = sampler.start();
    int token = cursor.next(row); // step 0
    token = cursor.next(row); // step 1
    // @end
    assertThat(token).isEqualTo((int) sampler.token(row, 1));
  }

  @Test
  void samplerInputs() {
    Tensor bias = Tensor.allocate(DType.F32, CLASSES);
    Tensor tokensSoFar = Tensor.allocate(DType.I32, ROWS, 2);
    // @start region="samplerInputs" :
    SamplerInputs inputs = SamplerInputs.none().withBias(bias).withOutputTokens(tokensSoFar);
    sampler.on(logits, tokens).inputs(inputs).run(step);
    // @end
    assertThat(tokens.getLong(0)).isBetween(0L, CLASSES - 1L);
  }

  @Test
  void requests() {
    Sampler careful = Sampler.builder().topK(1).build();
    Sampler wild = Sampler.builder().temperature(2).build();
    Sampler batch = sampler;
    Tensor logits = this.logits.slice(0, 0, 2);
    Tensor tokens = this.tokens.slice(0, 0, 2);
    SamplerOutputs outputs = SamplerOutputs.create();
    // @start region="requests" :
    SamplerRequests requests = SamplerRequests.create().add(careful, 17, 0).add(wild, 18, 5);
    SamplerCall call = batch.on(logits, tokens).outputs(outputs);
    call.run(requests);
    requests.step(0, 1).step(1, 6);
    // @end
    assertThat(outputs.sampled()).isEqualTo(2);
  }

  // ---- shards ----------------------------------------------------------------------------------

  private final long firstClass = 0;
  private final long allClasses = CLASSES;

  private static <T> List<T> allGather(T mine) {
    return List.of(mine);
  }

  @Test
  void softmaxShard() {
    Softmax softmax = Softmax.along(-1);
    Tensor output = gradient;
    // @start region="softmaxShard" :
    SoftmaxShard shard = softmax.shard(firstClass, allClasses);
    RowStatistics rows = shard.exchange(logits, Inputs.none(), null, mine -> allGather(mine));
    shard.forward(logits, Inputs.none(), rows, output);
    // @end
    assertThat(Samples.bits(output)).isEqualTo(Samples.bits(softmax.forward(logits)));
  }

  @Test
  void crossEntropyShard() {
    // @start region="lossShard" :
    CrossEntropyShard shard = loss.shard(firstClass, allClasses);
    LossOutputs outputs = LossOutputs.create();
    RowStatistics rows =
        shard.exchange(logits, labels, Inputs.none(), outputs, mine -> allGather(mine));
    shard.backward(logits, labels, Inputs.none(), rows, null, gradient);
    double mean = outputs.loss();
    // @end
    assertThat(mean).isEqualTo(loss.forward(logits, labels));
  }
}
