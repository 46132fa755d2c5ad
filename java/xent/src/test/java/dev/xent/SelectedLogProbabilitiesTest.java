// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.xent.errors.DTypeException;
import dev.xent.errors.LabelException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import dev.xent.options.Backend;
import dev.xent.options.FullyMasked;
import dev.xent.options.Isa;
import dev.xent.options.Reduction;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Log-probabilities of selected classes: values, gradients, bits, edges, sums, errors. */
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class SelectedLogProbabilitiesTest {
  private static final int ROWS = 4;
  private static final int CLASSES = 29;
  private static final int COUNT = 3;

  private final float[] x = Samples.logits(ROWS * CLASSES, 3, 1);
  private final Tensor logits = Tensor.of(x.clone(), ROWS, CLASSES);
  private final int[] classes = Samples.labels(ROWS * COUNT, CLASSES, 2);
  private final Tensor targets = Tensor.of(classes, ROWS, COUNT);

  private static SelectedLogProbabilities.Builder on(Backend backend) {
    return SelectedLogProbabilities.builder().execution(Execution.defaults().withBackend(backend));
  }

  private double logProbability(float[] values, int row, int clazz) {
    float[] own = Samples.row(values, row, CLASSES);
    return own[clazz] - Samples.logSumExp(own);
  }

  @OnEveryBackend
  void valuesAndGradientAreThoseOfTheFormula(Backend backend) {
    float[] g = Samples.logits(ROWS * COUNT, 1, 3);
    Tensor lp = Tensor.of(new float[ROWS * COUNT], ROWS, COUNT);
    Tensor dx = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
    on(backend)
        .gradientScale(0.5)
        .build()
        .on(logits, targets, lp, Tensor.of(g, ROWS, COUNT), dx)
        .run();
    for (int r = 0; r < ROWS; r++) {
      double[] p = Samples.softmax(Samples.row(x, r, CLASSES));
      double[] expected = new double[CLASSES];
      for (int j = 0; j < COUNT; j++) {
        int clazz = classes[r * COUNT + j];
        assertThat(lp.getDouble(r, j)).isCloseTo(logProbability(x, r, clazz), within(1e-5));
        expected[clazz] += 0.5 * g[r * COUNT + j];
        for (int k = 0; k < CLASSES; k++) {
          expected[k] -= 0.5 * g[r * COUNT + j] * p[k];
        }
      }
      for (int k = 0; k < CLASSES; k++) {
        assertThat(dx.getDouble(r, k)).isCloseTo(expected[k], within(2e-6));
      }
    }
  }

  @OnEveryBackend
  void theGradientIsTheSlopeOfTheValues(Backend backend) {
    double[] values = Arrays.stream(bits(x)).asDoubleStream().toArray();
    for (int i = 0; i < values.length; i++) {
      values[i] = x[i];
    }
    SelectedLogProbabilities selected = on(backend).temperature(1.5).softcap(20).build();
    Tensor in = Tensor.of(values, ROWS, CLASSES);
    Tensor lp = Tensor.of(new double[ROWS * COUNT], ROWS, COUNT);
    Tensor dx = Tensor.of(new double[ROWS * CLASSES], ROWS, CLASSES);
    selected.on(in, targets, lp, null, dx).run();
    double h = 1e-5;
    for (int i = 0; i < values.length; i += 7) {
      double own = values[i];
      double[] sums = new double[2];
      for (int side = 0; side < 2; side++) {
        values[i] = side == 0 ? own - h : own + h;
        selected.forward(in, targets, lp);
        sums[side] = Arrays.stream(lp.toDoubleArray()).sum();
      }
      values[i] = own;
      assertThat(dx.getDouble(i / CLASSES, i % CLASSES))
          .isCloseTo((sums[1] - sums[0]) / (2 * h), within(1e-8));
    }
  }

  private static int[] bits(float[] values) {
    return Samples.bits(values);
  }

  @OnEveryBackend
  void oneClassPerRowHasTheBitsOfTheLoss(Backend backend) {
    int[] labels = Samples.labels(ROWS, CLASSES, 4);
    Tensor one = Tensor.of(labels);
    Tensor losses = Tensor.of(new float[ROWS]);
    Tensor lp = Tensor.of(new float[ROWS]);
    Tensor dx = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
    Tensor other = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
    for (int r = 0; r < ROWS; r++) {
      logits.setFloat(25, r, labels[r]); // p is next to 1
    }
    CrossEntropy.builder()
        .execution(Execution.defaults().withBackend(backend))
        .reduction(Reduction.SUM)
        .gradientScale(-1)
        .build()
        .on(logits, one, dx)
        .outputs(LossOutputs.create().losses(losses))
        .run();
    SelectedLogProbabilities selected = on(backend).build();
    selected.on(logits, one, lp, null, other).run();
    for (int r = 0; r < ROWS; r++) {
      assertThat(lp.getFloat(r)).isEqualTo(-losses.getFloat(r)).isNegative();
    }
    assertThat(Samples.bits(other)).isEqualTo(Samples.bits(dx));
    Tensor kept = Tensor.of(new float[ROWS], ROWS, 1);
    selected.forward(logits, one.reshape(ROWS, 1), kept);
    assertThat(Samples.bits(kept)).isEqualTo(Samples.bits(lp));
  }

  @OnEveryBackend
  void ignoredEntriesCountForNothing(Backend backend) {
    SelectedLogProbabilities selected = on(backend).ignoreIndex(-100).build();
    Tensor some = Tensor.of(new int[] {3, -100, -100, -100, 5, 5, 1, 2}, ROWS, 2);
    Tensor lp = Tensor.of(new float[ROWS * 2], ROWS, 2);
    Tensor dx = Tensor.of(new float[ROWS * CLASSES], ROWS, CLASSES);
    logits.setFloat(Float.NaN, 1, 0); // both entries of this row are ignored
    logits.setFloat(Float.NaN, 3, 0);
    selected.on(logits, some, lp, null, dx).run();
    assertThat(lp.getDouble(0, 0)).isCloseTo(logProbability(x, 0, 3), within(1e-5));
    assertThat(Float.floatToRawIntBits(lp.getFloat(0, 1))).isZero();
    assertThat(lp.getFloat(1, 0)).isZero();
    assertThat(lp.getFloat(2, 0)).isEqualTo(lp.getFloat(2, 1));
    assertThat(lp.getFloat(3, 0)).isNaN();
    assertThat(dx.getFloat(1, 7)).isZero();
    assertThat(dx.getFloat(3, 7)).isNaN();
    double p = Math.exp(logProbability(x, 2, 5));
    assertThat(dx.getDouble(2, 5)).isCloseTo(2 * (1 - p), within(1e-6));
  }

  @OnEveryBackend
  void fullyMaskedRowsFollowTheOption(Backend backend) {
    Tensor all = Tensor.of(new float[] {-1f / 0, -1f / 0}, 1, 2);
    Tensor one = Tensor.of(new int[] {1});
    Tensor lp = Tensor.of(new float[1]);
    Tensor dx = Tensor.of(new float[2], 1, 2);
    on(backend).build().on(all, one, lp, null, dx).run();
    assertThat(lp.getFloat(0)).isNaN();
    on(backend).fullyMasked(FullyMasked.ZERO).build().on(all, one, lp, null, dx).run();
    assertThat(lp.getFloat(0)).isEqualTo(Float.NEGATIVE_INFINITY);
    assertThat(dx.toFloatArray()).containsOnly(0);
  }

  @OnEveryBackend
  void sequencesAreSummedExactly(Backend backend) {
    SelectedLogProbabilities selected = on(backend).build();
    Tensor lp = Tensor.of(new float[] {1e8f, -3, -1e8f, -0.25f, -0.5f});
    Tensor sums = Tensor.of(new double[4]);
    selected.sumSequences(lp, Tensor.of(new int[] {0, 3, 3, 4, 5}), sums);
    assertThat(sums.toDoubleArray()).containsExactly(-3, 0, -0.25, -0.5);
    Tensor narrow = Tensor.of(new float[2]);
    Tensor pairs = Tensor.of(new double[] {-1, -2, -4, -8, -16, Double.NaN}, 3, 2);
    selected.sumSequences(pairs, Tensor.of(new long[] {0, 2, 3}), narrow);
    assertThat(narrow.getFloat(0)).isEqualTo(-15);
    assertThat(narrow.getFloat(1)).isNaN();
    assertThatThrownBy(() -> selected.sumSequences(lp, Tensor.of(new int[] {0, 6, 5, 5, 5}), sums))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("offsets[1] is 6, ");
    assertThatThrownBy(() -> selected.sumSequences(lp, Tensor.of(new int[] {0, 5}), sums))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining(
            "offsets is I32 [2], of 1 sequence; expected one sum each. n sequences need n + 1");
    assertThatThrownBy(
            () -> selected.sumSequences(sums, Tensor.of(new int[] {0, 1, 2, 3, 4}), sums))
        .isInstanceOf(MemoryException.class);
  }

  @OnEveryBackend
  void sumsOfFloatsAreRoundedOnce(Backend backend) {
    // Next to the middle of two floats, closer than a double is: rounding to double first loses it.
    double middle = -1 - 0x1p-24;
    double[] parts = {middle, -0x1p-80, middle, 0x1p-80, middle, 0, -0x1p127, -0x1p127, 1};
    Tensor sums = Tensor.of(new float[4]);
    Tensor offsets = Tensor.of(new int[] {0, 2, 4, 6, 9});
    on(backend).build().sumSequences(Tensor.of(parts), offsets, sums);
    assertThat(sums.toFloatArray())
        .containsExactly(Math.nextDown(-1f), -1, -1, Float.NEGATIVE_INFINITY);
  }

  @OnEveryBackend
  void offsetsThatChangeDuringACallChangeNothing(Backend backend, @TempDir Path folder)
      throws IOException {
    // A file that is mapped twice: what is written to the sums appears in the offsets.
    Path file = folder.resolve("offsets");
    try (FileChannel channel =
            FileChannel.open(
                file,
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE);
        Arena arena = Arena.ofConfined()) {
      MemorySegment written = channel.map(FileChannel.MapMode.READ_WRITE, 0, 32, arena);
      MemorySegment read = channel.map(FileChannel.MapMode.READ_WRITE, 0, 32, arena);
      Tensor offsets = Tensor.of(read, DType.I64, 3);
      offsets.setLong(1, 1);
      offsets.setLong(3, 2);
      Tensor sums = Tensor.of(written.asSlice(8), DType.F64, 2);
      double two = Double.longBitsToDouble(2);
      on(backend).build().sumSequences(Tensor.of(new double[] {two, -1, -2}), offsets, sums);
      assertThat(sums.toDoubleArray()).containsExactly(two, -3);
    }
  }

  @OnEveryBackend
  void memoryThatIsLostDuringASumIsNamed(Backend backend) {
    SelectedLogProbabilities selected = on(backend).build();
    Tensor offsets = Tensor.of(new int[] {0, 2});
    Arena arena = Arena.ofShared();
    Tensor lost = Tensor.allocate(arena, DType.F32, 2);
    Tensor sums =
        Tensor.of(new double[1])
            .withGuard(
                () -> {
                  if (arena.scope().isAlive()) {
                    arena.close();
                  }
                  return null;
                });
    assertThatThrownBy(() -> selected.sumSequences(lost, offsets, sums))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("logProbabilities is in a closed arena");
  }

  @OnEveryBackend
  void whatDoesNotFitIsRefused(Backend backend) {
    SelectedLogProbabilities selected = on(backend).build();
    Tensor lp = Tensor.of(new float[ROWS * COUNT], ROWS, COUNT);
    float[] before = lp.toFloatArray();
    classes[7] = CLASSES;
    assertThatThrownBy(() -> selected.forward(logits, targets, lp))
        .isInstanceOf(LabelException.class)
        .hasMessageContaining("row 2 has label 29");
    assertThat(lp.toFloatArray()).isEqualTo(before);
    assertThatThrownBy(() -> selected.forward(logits, Tensor.of(x, ROWS, CLASSES), lp))
        .isInstanceOf(DTypeException.class)
        .hasMessageContaining("targets is F32 [4, 29]");
    assertThatThrownBy(
            () -> selected.forward(logits, Tensor.of(new int[ROWS * 600], ROWS, 600), lp))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("1 to 256 classes");
    assertThatThrownBy(() -> selected.forward(logits, Tensor.of(new int[ROWS]), lp))
        .isInstanceOf(ShapeException.class)
        .hasMessageContainingAll("logProbabilities is F32 [4, 3]", "targets is I32 [4]");
    assertThatThrownBy(
            () ->
                selected
                    .on(logits, Tensor.of(new int[ROWS]), Tensor.of(new float[ROWS]))
                    .inputs(Inputs.none().withRowWeights(Tensor.of(new float[ROWS])))
                    .run())
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("rowWeights");
    assertThatThrownBy(() -> SelectedLogProbabilities.builder().gradientScale(Double.NaN))
        .isInstanceOf(OptionException.class);
  }

  // ---- bits ------------------------------------------------------------------------------------

  private final SplittableRandom random = new SplittableRandom(7);

  private Tensor tensor(DType type, long... shape) {
    long size = type.byteSize();
    for (long extent : shape) {
      size *= extent;
    }
    return Tensor.of(MemorySegment.ofArray(new long[(int) (size / 8 + 1)]), type, shape);
  }

  private DType anyFloat(boolean wide) {
    DType[] types =
        wide ? new DType[] {DType.F64, DType.F32} : new DType[] {DType.F32, DType.F16, DType.BF16};
    return types[random.nextInt(types.length)];
  }

  /** The library on every instruction set against the reference. */
  @Test
  void everyComputerGivesTheSameBits() {
    for (int i = 0; i < 150; i++) {
      everyComputerGivesTheSameBitsOf(random.nextInt(3) == 0, i);
    }
  }

  private void everyComputerGivesTheSameBitsOf(boolean wide, int problem) {
    int rows = 1 + random.nextInt(random.nextInt(8) == 0 ? 70 : 5);
    int n = random.nextInt(10) == 0 ? 8000 + random.nextInt(1000) : 1 + random.nextInt(150);
    int count = 1 + random.nextInt(5);
    Tensor in = Tensor.allocate(Arena.ofAuto(), wide ? DType.F64 : anyFloat(false), rows, n);
    double spread = random.nextInt(4) == 0 ? 3000 : 4;
    for (int r = 0; r < rows; r++) {
      for (int k = 0; k < n; k++) {
        in.setDouble(random.nextGaussian() * spread, r, k);
      }
    }
    in.setDouble(
        random.nextInt(4) == 0 ? Double.NaN : Double.NEGATIVE_INFINITY, 0, random.nextInt(n));
    Tensor chosen = Tensor.allocate(Arena.ofAuto(), DType.I64, rows, count);
    Tensor g = Tensor.allocate(Arena.ofAuto(), anyFloat(wide), rows, count);
    for (int r = 0; r < rows; r++) {
      for (int j = 0; j < count; j++) {
        chosen.setLong(random.nextInt(5) == 0 ? -1 : random.nextInt(n), r, j);
        g.setDouble(random.nextGaussian(), r, j);
      }
    }
    Inputs inputs = Inputs.none();
    if (random.nextInt(3) == 0) {
      inputs = inputs.withSink(Tensor.of(new float[] {1.5f}));
    }
    @Nullable Tensor upstream = random.nextInt(4) == 0 ? null : g;
    double temperature = random.nextBoolean() ? 1 : 0.7;
    double scale = random.nextInt(4) == 0 ? 1e-40 : 1;
    DType outType = anyFloat(wide);
    long[] expected = null;
    for (Isa isa : XentRuntime.get().availableIsas()) {
      for (Backend backend : new Backend[] {Backend.REFERENCE, Backend.NATIVE}) {
        SelectedLogProbabilities.Builder builder =
            SelectedLogProbabilities.builder()
                .execution(Execution.defaults().withBackend(backend).withIsa(isa))
                .ignoreIndex(-1)
                .temperature(temperature)
                .gradientScale(scale);
        if (problem % 3 == 0) {
          builder.softcap(20);
        }
        Tensor lp = tensor(outType, rows, count);
        Tensor dx = tensor(outType, rows, n);
        builder.build().on(in, chosen, lp, upstream, dx).inputs(inputs).run();
        long[] got = LongStream.concat(bits(lp), bits(dx)).toArray();
        if (expected == null) {
          expected = got;
        }
        int at = Arrays.mismatch(got, expected);
        assertThat(at)
            .as("problem %d on %s %s: %s", problem, backend, isa, builder.build())
            .isEqualTo(-1);
      }
    }
  }

  private static LongStream bits(Tensor tensor) {
    return Arrays.stream(tensor.toDoubleArray()).mapToLong(Double::doubleToRawLongBits);
  }
}
