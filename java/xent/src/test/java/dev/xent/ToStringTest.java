// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.layers.CrossEntropyLayer;
import dev.xent.layers.Layer;
import dev.xent.layers.LogLayer;
import dev.xent.layers.LogSoftmaxLayer;
import dev.xent.layers.NllLossLayer;
import dev.xent.layers.SigmoidLayer;
import dev.xent.layers.SoftmaxLayer;
import dev.xent.options.Backend;
import dev.xent.options.DivergenceKind;
import dev.xent.options.EmptyMean;
import dev.xent.options.FullyMasked;
import dev.xent.options.Isa;
import dev.xent.options.Reduction;
import dev.xent.options.Smoothing;
import java.lang.foreign.Arena;
import java.util.concurrent.Executor;
import org.junit.jupiter.api.Test;

/** The text of an object in a debugger or a log: its settings that are not the default. */
class ToStringTest {
  private static final Tensor LABELS = Tensor.of(new int[] {0, 1});
  private static final Tensor LOGITS = Tensor.of(new float[6], 2, 3);

  private static final class Direct implements Executor {
    @Override
    public void execute(Runnable task) {
      task.run();
    }
  }

  private static final Execution OTHER =
      Execution.defaults().withBackend(Backend.REFERENCE).withThreads(7).withExecutor(new Direct());

  @Test
  void requestsAreToldUpToTheFourth() {
    SamplerRequests requests = SamplerRequests.create();
    assertThat(requests).hasToString("Requests[size=0]");
    requests.add(Sampler.greedy(), 17, 0).add(Sampler.builder().seed(2).build(), -1, 4294967295L);
    assertThat(requests)
        .hasToString(
            "Requests[size=2, Sampler[temperature=0] stream 17 step 0, Sampler[seed=2] stream -1"
                + " step 4294967295]");
    for (int row = 2; row < 5; row++) {
      requests.add(Sampler.greedy(), row, 1);
    }
    assertThat(requests.toString()).endsWith("stream 3 step 1, …]").doesNotContain("stream 4");
  }

  @Test
  void defaultsAreNotSaid() {
    assertThat(Softmax.along(-1)).hasToString("Softmax[]");
    assertThat(LogSoftmax.along(-1)).hasToString("LogSoftmax[]");
    assertThat(LogSumExp.along(-1)).hasToString("LogSumExp[]");
    assertThat(CrossEntropy.mean()).hasToString("CrossEntropy[]");
    assertThat(NllLoss.mean()).hasToString("NllLoss[]");
    assertThat(Divergence.mean(DivergenceKind.KULLBACK_LEIBLER))
        .hasToString("Divergence[kind=KULLBACK_LEIBLER]");
    assertThat(CrossEntropyHvp.along(-1)).hasToString("CrossEntropyHvp[]");
    assertThat(SelectedLogProbabilities.along(-1)).hasToString("SelectedLogProbabilities[]");
    assertThat(Inputs.none()).hasToString("Inputs[]");
    assertThat(LossOutputs.create()).hasToString("LossOutputs[]");
    assertThat(
            Softmax.builder()
                .execution(
                    Execution.defaults()
                        .withBackend(XentRuntime.get().backend())
                        .withIsa(XentRuntime.get().isa())
                        .withThreads(XentRuntime.get().threads()))
                .temperature(1)
                .build())
        .hasToString("Softmax[]");
  }

  @Test
  void everyOptionIsSaid() {
    String engine = "backend=REFERENCE, threads=7, executor=" + Direct.class.getName();
    boolean reference = XentRuntime.get().backend() == Backend.REFERENCE;
    String who = reference ? engine.substring(engine.indexOf("threads")) : engine;
    assertThat(
            CrossEntropy.builder()
                .execution(OTHER)
                .axis(1)
                .ignoreIndex(-100)
                .labelSmoothing(0.1)
                .smoothing(Smoothing.OTHERS)
                .temperature(2)
                .softcap(30)
                .zLoss(1e-4)
                .fullyMasked(FullyMasked.ZERO)
                .classWeights(Tensor.of(new float[3]))
                .reduction(Reduction.SUM)
                .gradientReduction(Reduction.MEAN)
                .gradientScale(0.5)
                .denominator(8)
                .emptyMean(EmptyMean.ZERO)
                .build())
        .hasToString(
            "CrossEntropy[axis=1, ignoreIndex=-100, labelSmoothing=0.1, smoothing=OTHERS,"
                + " temperature=2.0, softcap=30.0, zLoss=1.0E-4, fullyMasked=ZERO,"
                + " classWeights=F32 [3], reduction=SUM, gradientReduction=MEAN,"
                + " gradientScale=0.5, denominator=8.0, emptyMean=ZERO, "
                + who
                + "]");
    assertThat(CrossEntropy.builder().probabilityClamp(0.1).build())
        .hasToString("CrossEntropy[probabilityClamp=0.1]");
    assertThat(CrossEntropy.mean().withDenominator(3)).hasToString("CrossEntropy[denominator=3.0]");
    assertThat(Softmax.builder().execution(OTHER).axis(0).temperature(2).build())
        .hasToString("Softmax[axis=0, temperature=2.0, " + who + "]");
    assertThat(LogSoftmax.builder().execution(OTHER).axis(0).build())
        .hasToString("LogSoftmax[axis=0, " + who + "]");
    assertThat(LogSumExp.builder().execution(OTHER).softcap(5).build())
        .hasToString("LogSumExp[softcap=5.0, " + who + "]");
    assertThat(NllLoss.builder().execution(OTHER).ignoreIndex(0).build())
        .hasToString("NllLoss[ignoreIndex=0, " + who + "]");
    assertThat(
            Divergence.builder(DivergenceKind.KULLBACK_LEIBLER)
                .execution(OTHER)
                .temperature(3)
                .reduction(Reduction.SUM)
                .build())
        .hasToString(
            "Divergence[kind=KULLBACK_LEIBLER, temperature=3.0, reduction=SUM, " + who + "]");
  }

  @Test
  void anExecutionSaysWhatItWasTold() {
    assertThat(Execution.defaults()).hasToString("Execution[]");
    assertThat(Execution.sequential()).hasToString("Execution[threads=1]");
    assertThat(OTHER.withIsa(Isa.SCALAR))
        .hasToString(
            "Execution[backend=REFERENCE, isa=SCALAR, threads=7, executor="
                + Direct.class.getName()
                + "]");
  }

  @Test
  void anInstructionSetIsSaidWhereItIsNotTheOneOfTheProcess() {
    for (Isa isa : XentRuntime.get().availableIsas()) {
      String said =
          isa == XentRuntime.get().isa()
              ? ""
              : "isa=" + isa.name().toLowerCase(java.util.Locale.ROOT);
      assertThat(Softmax.builder().execution(Execution.defaults().withIsa(isa)).build())
          .hasToString("Softmax[" + said + "]");
    }
  }

  @Test
  void whatACallIsGiven() {
    Inputs inputs =
        Inputs.none()
            .withClassMask(Tensor.of(new byte[3]))
            .withSink(Tensor.of(new float[2]))
            .withRowWeights(Tensor.of(new float[2]))
            .withRowOffsets(Tensor.of(new int[3]))
            .withTargetWeights(Tensor.of(new float[4], 2, 2));
    assertThat(inputs)
        .hasToString(
            "Inputs[targetWeights=F32 [2, 2], rowOffsets=I32 [3], classMask=I8 [3],"
                + " rowWeights=F32 [2], sink=F32 [2]]");
  }

  @Test
  void whatACallHandsOut() {
    LossSum lossSum = LossSum.create();
    LossOutputs outcome =
        LossOutputs.create()
            .losses(Tensor.of(new float[2]))
            .countCorrect(true)
            .saveStatistics(Arena.ofAuto())
            .lossSum(lossSum);
    String asked =
        "LossOutputs[losses=F32 [2], countCorrect=true, saveStatistics=true, lossSum=true";
    assertThat(outcome).hasToString(asked + "]");
    double loss = CrossEntropy.mean().on(LOGITS, LABELS).outputs(outcome).run();
    assertThat(outcome)
        .hasToString(
            asked
                + ", loss="
                + loss
                + ", sum="
                + outcome.sum()
                + ", rows=2, validRows=2, denominator=2.0, correctRows=1]");
    assertThat(lossSum)
        .hasToString("LossSum[sum=" + outcome.sum() + ", denominator=2.0, rows=2, validRows=2]");
  }

  @Test
  void whatShardsAre() {
    SoftmaxShard softmax = Softmax.builder().axis(1).build().shard(0, 3);
    assertThat(softmax).hasToString("SoftmaxShard[firstClass=0, allClasses=3, axis=1]");
    PartialStates states = softmax.partialStates(LOGITS, Inputs.none());
    assertThat(softmax.finish(states, Inputs.none(), null))
        .hasToString("softmax of [2, 3] along axis 1, in F32");
    assertThat(CrossEntropy.builder().labelSmoothing(0.1).build().shard(0, 3))
        .hasToString("CrossEntropyShard[firstClass=0, allClasses=3, labelSmoothing=0.1]");
  }

  @Test
  void layersNameTheirShapeAndOperation() {
    Layer[] layers = {
      new LogLayer(Layer.ANY, 10),
      SigmoidLayer.of(Sigmoid.builder().temperature(2).build(), 10),
      SoftmaxLayer.along(-1, 10),
      LogSoftmaxLayer.along(0, 10),
      CrossEntropyLayer.of(CrossEntropy.builder().labelSmoothing(0.1).build(), Layer.ANY, 10),
      new NllLossLayer(10),
    };
    assertThat(layers)
        .extracting(Object::toString)
        .containsExactly(
            "LogLayer[any, 10]",
            "SigmoidLayer[10] of Sigmoid[temperature=2.0]",
            "SoftmaxLayer[10] of Softmax[]",
            "LogSoftmaxLayer[10] of LogSoftmax[axis=0]",
            "CrossEntropyLayer[any, 10] of CrossEntropy[labelSmoothing=0.1]",
            "NllLossLayer[10] of NllLoss[axis=0]");
    for (Layer layer : layers) {
      layer.close();
    }
  }
}
