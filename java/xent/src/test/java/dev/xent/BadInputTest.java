// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.errors.XentException;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReference;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Invalid calls: the type of the exception, its one line of message, and no output written. */
class BadInputTest {
  private final float[] x = Samples.logits(12, 2, 9);
  private final float[] before = x.clone();
  private final float[] out = new float[12];
  private final Tensor logits = Tensor.of(x, 3, 4);
  private final Tensor labels = Tensor.of(new int[] {0, 1, 2});
  private final Tensor output = Tensor.of(out, 3, 4);

  @AfterEach
  void nothingIsWritten() {
    assertThat(x).isEqualTo(before);
    assertThat(out).containsOnly(0);
  }

  private static void refused(
      Class<? extends XentException> type, ThrowingCallable call, String... words) {
    assertThatThrownBy(call)
        .isInstanceOf(type)
        .hasMessageContainingAll(words)
        .extracting(Throwable::getMessage)
        .asString()
        .hasLineCount(1);
  }

  // ---- shapes ----------------------------------------------------------------------------------

  @Test
  void wrongShapes() {
    Tensor small = Tensor.of(new float[8], 2, 4);
    refused(
        ShapeException.class,
        () -> Softmax.along(-1).forward(logits, small),
        "output is F32 [2, 4]",
        "logits is F32 [3, 4]");
    refused(
        ShapeException.class,
        () -> Softmax.along(-1).forward(logits, Tensor.of(new float[12], 3, 4, 1)),
        "[3, 4, 1]");
    refused(
        ShapeException.class, () -> Softmax.along(-1).backward(logits, small, output), "upstream");
    refused(
        ShapeException.class, () -> Softmax.along(-1).backward(logits, logits, small), "gradient");
    refused(
        ShapeException.class,
        () -> LogSumExp.along(0).forward(logits, Tensor.of(new float[3])),
        "logSumExp is F32 [3]",
        "shape [4]");
    refused(
        ShapeException.class,
        () -> CrossEntropy.mean().forward(logits, Tensor.of(new int[4])),
        "targets is I32 [4]",
        "shape [3]");
    refused(
        ShapeException.class,
        () -> CrossEntropy.mean().forward(logits, Tensor.of(new int[12], 3, 4)),
        "targets is I32 [3, 4]");
    refused(
        ShapeException.class,
        () -> CrossEntropy.mean().forward(logits, small),
        "probability rows",
        "class indices");
    refused(
        ShapeException.class,
        () ->
            CrossEntropy.mean()
                .on(logits, labels)
                .outputs(LossOutputs.create().losses(Tensor.of(new float[4])))
                .run(),
        "losses");
  }

  @Test
  void zeroClasses() {
    Tensor none = Tensor.of(new float[0], 3, 0);
    refused(
        ShapeException.class,
        () -> Softmax.along(1).forward(none, none),
        "zero classes along axis 1");
    refused(ShapeException.class, () -> CrossEntropy.mean().forward(none, labels), "zero classes");
  }

  @Test
  void axesOutOfRange() {
    refused(
        ShapeException.class,
        () -> Softmax.along(2).forward(logits, output),
        "axis 2",
        "[3, 4]",
        "from -2 to 1");
    refused(ShapeException.class, () -> Softmax.along(-3).forward(logits, output), "axis -3");
    refused(
        ShapeException.class,
        () -> CrossEntropy.builder().axis(5).build().forward(logits, labels),
        "axis 5");
  }

  // ---- types -----------------------------------------------------------------------------------

  private static Tensor zeros(DType type, long... shape) {
    long elements = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    return Tensor.of(MemorySegment.ofArray(new long[(int) elements]), type, shape);
  }

  @Test
  void logitsOfIntegers() {
    for (DType type : DType.values()) {
      if (type.isInteger()) {
        Tensor other = zeros(type, 3, 4);
        refused(
            DTypeException.class,
            () -> Softmax.along(-1).forward(other, output),
            "logits is " + type + " [3, 4]",
            "F32, F16, BF16 or F64");
        refused(
            DTypeException.class,
            () -> CrossEntropy.mean().forward(other, labels),
            "logits is " + type);
        refused(
            DTypeException.class,
            () -> NllLoss.mean().forward(other, labels),
            "logProbabilities is " + type);
      }
    }
  }

  /** Doubles go with doubles and floats, floats of 16 bits with floats: both types are named. */
  @Test
  void typesThatDoNotGoTogether() {
    for (DType lead : new DType[] {DType.F32, DType.F16, DType.BF16, DType.F64}) {
      Tensor in = zeros(lead, 3, 4);
      for (DType type : DType.values()) {
        boolean wide = lead == DType.F64;
        boolean fits =
            type == DType.F32
                || (wide ? type == DType.F64 : type == DType.F16 || type == DType.BF16);
        if (fits) {
          continue;
        }
        Tensor other = zeros(type, 3, 4);
        Tensor perRow = zeros(type, 3);
        String[] words = {
          " is " + type + " [", "logits is " + lead + " [3, 4]", wide ? "F64 or F32" : "F32, F16 or"
        };
        refused(DTypeException.class, () -> Softmax.along(-1).forward(in, other), words);
        refused(DTypeException.class, () -> LogSumExp.along(-1).forward(in, perRow), words);
        refused(
            DTypeException.class,
            () -> CrossEntropy.mean().forwardBackward(in, labels, other),
            words);
        if (type.isFloat()) {
          refused(DTypeException.class, () -> CrossEntropy.mean().forward(in, other), words);
        }
        for (LossOutputs each :
            new LossOutputs[] {
              LossOutputs.create().losses(perRow),
              LossOutputs.create().logSumExp(perRow),
              LossOutputs.create().logProbabilities(perRow),
              LossOutputs.create().entropies(perRow),
              LossOutputs.create().topLogProbabilities(zeros(type, 3, 1))
            }) {
          refused(
              DTypeException.class,
              () -> CrossEntropy.mean().on(in, labels).outputs(each).run(),
              words);
        }
        refused(
            DTypeException.class,
            () -> CrossEntropy.builder().classWeights(zeros(type, 4)).build().forward(in, labels),
            words);
        refused(
            DTypeException.class,
            () -> CrossEntropy.mean().on(in, labels).inputs(Inputs.none().withSink(perRow)).run(),
            words);
        if (type != DType.U8 && type != DType.I8) {
          refused(
              DTypeException.class,
              () ->
                  CrossEntropy.mean()
                      .on(in, labels)
                      .inputs(Inputs.none().withRowWeights(perRow))
                      .run(),
              words);
        }
        refused(
            DTypeException.class,
            () ->
                CrossEntropy.mean()
                    .on(in, Tensor.of(new int[3], 3, 1))
                    .inputs(Inputs.none().withTargetWeights(zeros(type, 3, 1)))
                    .run(),
            words);
      }
    }
  }

  @Test
  void typesOfNumbersOfClasses() {
    CrossEntropy loss = CrossEntropy.mean();
    for (DType type : DType.values()) {
      Tensor perRow = zeros(type, 3);
      if (type != DType.U8 && type != DType.I8) {
        refused(
            DTypeException.class,
            () -> loss.on(logits, labels).outputs(LossOutputs.create().correct(perRow)).run(),
            "correct is " + type + " [3]",
            "U8 or I8");
        refused(
            DTypeException.class,
            () -> loss.on(logits, labels).inputs(Inputs.none().withClassMask(zeros(type, 4))).run(),
            "classMask is " + type + " [4]",
            "U8 or I8");
      }
      if (type != DType.I32 && type != DType.I64) {
        for (LossOutputs each :
            new LossOutputs[] {
              LossOutputs.create().argmax(perRow),
              LossOutputs.create().ranks(perRow),
              LossOutputs.create().topClasses(zeros(type, 3, 1))
            }) {
          refused(
              DTypeException.class,
              () -> loss.on(logits, labels).outputs(each).run(),
              " is " + type + " [3",
              "I32 or I64");
        }
        refused(
            DTypeException.class,
            () ->
                Softmax.along(0)
                    .on(output, output)
                    .inputs(Inputs.none().withRowOffsets(perRow))
                    .run(),
            "rowOffsets is " + type,
            "I32 or I64");
      }
      if (type.isFloat()) {
        refused(
            DTypeException.class,
            () ->
                loss.on(logits, zeros(type, 3, 1))
                    .inputs(Inputs.none().withTargetWeights(zeros(DType.F32, 3, 1)))
                    .run(),
            "targets is " + type,
            "targetWeights",
            "I64");
      }
    }
  }

  // ---- memory ----------------------------------------------------------------------------------

  @Test
  void readOnlyOutputs() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor offHeap = Tensor.allocate(arena, DType.F32, 3, 4);
      Tensor[] outputs = {
        output.asReadOnly(),
        offHeap.asReadOnly(),
        Tensor.of(MemorySegment.ofArray(out).asReadOnly(), DType.F32, 3, 4),
        Tensor.of(FloatBuffer.wrap(out).asReadOnlyBuffer(), 3, 4)
      };
      for (Tensor readOnly : outputs) {
        refused(
            MemoryException.class,
            () -> Softmax.along(-1).forward(logits, readOnly),
            "output is read-only");
        refused(
            MemoryException.class,
            () -> CrossEntropy.mean().forwardBackward(logits, labels, readOnly),
            "gradient is read-only");
      }
      assertThat(offHeap.toFloatArray()).containsOnly(0);
    }
  }

  @Test
  void overlappingOutputs() {
    float[] memory = new float[24];
    Tensor first = Tensor.of(MemorySegment.ofArray(memory), DType.F32, 3, 4);
    Tensor shifted = Tensor.of(MemorySegment.ofArray(memory).asSlice(4), DType.F32, 3, 4);
    Tensor turned =
        Tensor.strided(
            MemorySegment.ofArray(memory), DType.F32, new long[] {3, 4}, new long[] {1, 3});
    Tensor hidden =
        Tensor.of(MemorySegment.ofArray(memory).asReadOnly().asSlice(8), DType.F32, 3, 4);
    Tensor rows = Tensor.of(MemorySegment.ofArray(memory), DType.F32, 3);
    Softmax softmax = Softmax.along(-1);
    refused(
        MemoryException.class,
        () -> softmax.forward(first, shifted),
        "output and logits overlap",
        "exactly that of logits");
    refused(MemoryException.class, () -> softmax.forward(shifted, first), "overlap");
    refused(MemoryException.class, () -> softmax.forward(first, turned), "overlap");
    refused(MemoryException.class, () -> softmax.forward(hidden, first), "overlap");
    refused(
        MemoryException.class,
        () -> softmax.backward(first, output, shifted),
        "gradient and output overlap");
    refused(
        MemoryException.class,
        () -> LogSumExp.along(-1).forward(first, rows),
        "logSumExp and logits overlap");
    refused(
        MemoryException.class,
        () -> CrossEntropy.mean().forwardBackward(logits, first, first),
        "gradient and targets overlap");
    Tensor shared = Tensor.of(new float[3]);
    refused(
        MemoryException.class,
        () ->
            CrossEntropy.mean()
                .on(logits, labels)
                .outputs(LossOutputs.create().losses(shared).logSumExp(shared))
                .run(),
        "losses and logSumExp overlap");
    assertThat(memory).containsOnly(0);
  }

  @Test
  void overlappingOutputsOffTheHeap() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(96, 4);
      Tensor first = Tensor.of(memory, DType.F32, 3, 4);
      Tensor shifted = Tensor.of(memory.asSlice(4), DType.F32, 3, 4);
      refused(MemoryException.class, () -> Softmax.along(-1).forward(first, shifted), "overlap");
      refused(MemoryException.class, () -> Softmax.along(-1).forward(shifted, first), "overlap");
      Tensor neighbour = Tensor.of(memory.asSlice(48), DType.F32, 3, 4);
      assertThatCode(() -> Softmax.along(-1).forward(first, neighbour)).doesNotThrowAnyException();
    }
  }

  @Test
  void outputsWhoseElementsShareMemory() {
    Tensor repeated =
        Tensor.strided(MemorySegment.ofArray(out), DType.F32, new long[] {3, 4}, new long[] {0, 1});
    refused(
        MemoryException.class,
        () -> Softmax.along(-1).forward(logits, repeated),
        "output F32 [3, 4] has strides");
    Tensor crossing =
        Tensor.strided(MemorySegment.ofArray(out), DType.F32, new long[] {3, 4}, new long[] {2, 1});
    refused(MemoryException.class, () -> Softmax.along(-1).forward(logits, crossing), "strides");
  }

  @Test
  void closedArenas() {
    Arena arena = Arena.ofConfined();
    Tensor gone = Tensor.allocate(arena, DType.F32, 3, 4);
    arena.close();
    refused(
        MemoryException.class,
        () -> Softmax.along(-1).forward(gone, output),
        "logits is in a closed arena");
    refused(
        MemoryException.class,
        () -> CrossEntropy.mean().forwardBackward(logits, labels, gone),
        "gradient is in a closed arena");
  }

  @Test
  void segmentsConfinedToAnotherThread() throws InterruptedException {
    try (Arena arena = Arena.ofConfined()) {
      Tensor confined = Tensor.allocate(arena, DType.F32, 3, 4);
      AtomicReference<Throwable> seen = new AtomicReference<>();
      Thread other =
          new Thread(
              () -> {
                try {
                  Softmax.along(-1).forward(confined, output);
                } catch (IllegalArgumentException e) {
                  seen.set(e);
                }
              },
              "worker-7");
      other.start();
      other.join();
      assertThat(seen.get())
          .isInstanceOf(MemoryException.class)
          .hasMessageContainingAll(
              "logits", "confined to another thread than worker-7", "ofShared");
    }
  }

  // ---- labels and options ----------------------------------------------------------------------

  @Test
  void ignoreIndexWithProbabilityRows() {
    refused(
        OptionException.class,
        () -> CrossEntropy.builder().ignoreIndex(-100).build().forward(logits, output),
        "ignoreIndex is -100",
        "probability rows");
  }

  @Test
  void optionsThatCannotBe() {
    for (double bad : new double[] {Double.NaN, -0.1, 1.1, Double.POSITIVE_INFINITY}) {
      refused(
          OptionException.class,
          () -> CrossEntropy.builder().labelSmoothing(bad),
          "labelSmoothing is " + bad);
    }
    for (double bad : new double[] {Double.NaN, -1, Double.POSITIVE_INFINITY}) {
      refused(
          OptionException.class,
          () -> CrossEntropy.builder().denominator(bad),
          "denominator is " + bad);
      refused(
          OptionException.class,
          () -> CrossEntropy.mean().withDenominator(bad),
          "denominator is " + bad);
    }
    for (double bad : new double[] {Double.NaN, Double.NEGATIVE_INFINITY}) {
      refused(
          OptionException.class,
          () -> CrossEntropy.builder().gradientScale(bad),
          "gradientScale is " + bad);
    }
    CrossEntropy overflow = CrossEntropy.builder().gradientScale(1e300).denominator(1e-300).build();
    refused(
        OptionException.class,
        () -> overflow.forwardBackward(logits, labels, output),
        "gradientScale 1.0E300 / denominator 1.0E-300");
  }

  @Test
  void instructionSetsThatAreNotHere() {
    for (Isa isa : Isa.values()) {
      if (isa != Isa.BEST && !XentRuntime.get().availableIsas().contains(isa)) {
        refused(
            OptionException.class,
            () -> Softmax.builder().execution(Execution.defaults().withIsa(isa)).build(),
            "isa is " + isa,
            XentRuntime.get().availableIsas().toString());
      }
    }
    assertThat(XentRuntime.get().availableIsas()).contains(Isa.SCALAR);
    Softmax.builder()
        .execution(Execution.defaults().withIsa(Isa.AVX512).withBackend(Backend.REFERENCE))
        .build()
        .forward(output, output);
    Arrays.fill(out, 0);
  }
}
