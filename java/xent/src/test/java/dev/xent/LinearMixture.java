// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.options.Backend;
import dev.xent.options.FullyMasked;
import dev.xent.options.Reduction;
import dev.xent.options.Smoothing;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * A random valid call of a linear layer's cross-entropy: shapes, types, layouts, targets, options
 * and inputs. The expected results come from {@link CrossEntropy} on the logits of the contract and
 * from the contract's dot products.
 */
final class LinearMixture {
  private static final int BLOCK = 128;
  private static final DType[] FLOATS = {DType.F32, DType.F32, DType.F16, DType.BF16};
  private static final DType[] INTEGERS = {DType.I16, DType.I32, DType.I64};
  private static final float[] EDGES = {
    Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 0f, -0f, 1e-40f, 3e38f
  };

  private final SplittableRandom random;
  private final Arena arena;
  final int rows;
  final int features;
  final int classes;
  private final int[] grid;
  private final int axis;
  private final int kind;
  private final int entries;
  final Tensor hidden;
  final Tensor weights;
  private final @Nullable Tensor bias;
  private final Tensor targets;
  private final Inputs inputs;
  private final @Nullable Tensor classWeights;
  private final DType ofGradients;
  private final long seedOfOptions;

  LinearMixture(Arena arena, int rows, int features, int classes, SplittableRandom random) {
    this.arena = arena;
    this.random = random;
    this.rows = rows;
    this.features = features;
    this.classes = classes;
    grid = rows % 3 == 0 && random.nextBoolean() ? new int[] {rows / 3, 3} : new int[] {rows};
    axis = random.nextInt(grid.length + 1);
    hidden = filled(tensor(floats(), shapeWith(features)), 1);
    weights = filled(tensor(floats(), classes, features), 1 / Math.sqrt(features));
    spoil(hidden, features);
    spoil(weights, classes);
    bias = random.nextBoolean() ? filled(tensor(floats(), classes), 1) : null;
    kind = random.nextInt(3);
    entries = 1 + random.nextInt(3);
    targets = targets();
    classWeights = random.nextInt(3) == 0 ? positive(tensor(floats(), classes)) : null;
    inputs = inputs();
    ofGradients = floats();
    seedOfOptions = random.nextLong();
  }

  private DType floats() {
    return FLOATS[random.nextInt(FLOATS.length)];
  }

  private long[] shapeWith(long alongAxis) {
    long[] shape = new long[grid.length + 1];
    for (int d = 0, g = 0; d < shape.length; d++) {
      shape[d] = d == axis ? alongAxis : grid[g++];
    }
    return shape;
  }

  private long[] rowShape() {
    long[] shape = new long[grid.length];
    for (int d = 0; d < shape.length; d++) {
      shape[d] = grid[d];
    }
    return shape;
  }

  /** Memory of any kind, now and then with gaps. */
  private Tensor tensor(DType type, long... shape) {
    long[] strides = new long[shape.length];
    long next = 1;
    boolean gaps = random.nextInt(3) == 0;
    for (int d = shape.length - 1; d >= 0; d--) {
      strides[d] = next;
      next = next * shape[d] + (gaps ? random.nextInt(3) : 0);
    }
    long bytes = next * type.byteSize();
    boolean onHeap = random.nextInt(3) == 0;
    MemorySegment memory =
        onHeap
            ? MemorySegment.ofArray(new long[(int) (bytes / 8 + 1)])
            : arena.allocate(bytes + 8, 64);
    return Tensor.strided(memory, type, shape, strides);
  }

  private Tensor filled(Tensor tensor, double scale) {
    each(tensor, i -> tensor.setFloat((float) (scale * random.nextGaussian()), i));
    return tensor;
  }

  private Tensor positive(Tensor tensor) {
    each(tensor, i -> tensor.setFloat(random.nextInt(4) == 0 ? 0 : random.nextFloat(), i));
    return tensor;
  }

  /** Numbers that are something else, in a few rows of some mixtures. */
  private void spoil(Tensor tensor, int numbers) {
    if (random.nextInt(4) != 0) {
      return;
    }
    each(
        tensor,
        i -> {
          if (random.nextInt(20 * numbers) == 0) {
            tensor.setFloat(EDGES[random.nextInt(EDGES.length)], i);
          }
        });
  }

  interface Place {
    void at(long... index);
  }

  static void each(Tensor tensor, Place place) {
    long[] shape = tensor.shape();
    long[] index = new long[shape.length];
    for (long n = 0; n < tensor.elements(); n++) {
      place.at(index);
      for (int d = shape.length - 1; d >= 0 && ++index[d] == shape[d]; d--) {
        index[d] = 0;
      }
    }
  }

  private Tensor targets() {
    DType integers = INTEGERS[random.nextInt(3)];
    if (kind == 0) {
      Tensor labels = tensor(integers, rowShape());
      each(labels, i -> labels.setLong(random.nextInt(classes), i));
      return labels;
    }
    if (kind == 1) {
      return positive(tensor(floats(), shapeWith(classes)));
    }
    Tensor some = tensor(integers, shapeWith(entries));
    each(some, i -> some.setLong(random.nextInt(classes), i));
    return some;
  }

  private Inputs inputs() {
    Inputs all = Inputs.none();
    if (kind == 2) {
      all = all.withTargetWeights(positive(tensor(floats(), shapeWith(entries))));
    }
    if (kind == 1 && random.nextInt(3) == 0) {
      Tensor mask = tensor(DType.U8, classes);
      each(mask, i -> mask.setLong(random.nextInt(4) == 0 ? 0 : 1, i));
      all = all.withClassMask(mask);
    }
    if (random.nextInt(3) == 0) {
      Tensor flags = tensor(DType.U8, rowShape());
      each(flags, i -> flags.setLong(random.nextInt(4) == 0 ? 0 : 1, i));
      all = all.withRowWeights(flags);
    }
    if (random.nextInt(3) == 0) {
      all = all.withSink(filled(tensor(floats(), rowShape()), 2));
    }
    return all;
  }

  private Inputs withBias() {
    return bias == null ? inputs : inputs.withBias(bias);
  }

  /** Sets the same options on each builder. */
  private <B extends LogitLossBuilder<B>> B with(B builder) {
    SplittableRandom own = new SplittableRandom(seedOfOptions);
    builder
        .axis(axis)
        .classWeights(classWeights)
        .reduction(own.nextBoolean() ? Reduction.SUM : Reduction.MEAN);
    if (own.nextInt(3) == 0) {
      builder.temperature(own.nextBoolean() ? 0.7 : 3);
    }
    if (own.nextInt(3) == 0) {
      builder.softcap(own.nextBoolean() ? 30 : 0.5);
    }
    if (own.nextInt(3) == 0) {
      builder.fullyMasked(FullyMasked.ZERO);
    }
    if (own.nextInt(3) == 0) {
      builder.gradientScale(own.nextBoolean() ? -0.3 : 1e-30);
    }
    if (kind != 1 && own.nextBoolean()) {
      builder.ignoreIndex(own.nextInt(classes));
    }
    int last = own.nextInt(kind == 0 ? 6 : 4);
    switch (last) {
      case 0 -> builder.labelSmoothing(0.1).zLoss(1e-3);
      case 1 -> builder.probabilityClamp(1e-7);
      case 2 -> builder.labelSmoothing(1);
      case 4 -> builder.focalGamma(2);
      case 5 -> builder.labelSmoothing(0.2).smoothing(Smoothing.OTHERS);
      default -> {}
    }
    return builder;
  }

  @Override
  public String toString() {
    return "hidden "
        + hidden
        + " axis "
        + axis
        + ", weights "
        + weights
        + ", bias "
        + bias
        + ", targets "
        + targets
        + ", "
        + inputs
        + ", gradients "
        + ofGradients
        + ", "
        + with(LinearCrossEntropy.builder()).build();
  }

  // ---- results ---------------------------------------------------------------------------------

  /** Asks for all outputs, and keeps them by name. */
  private LossOutputs ask(LossOutputs outputs, Map<String, Tensor> into, boolean all) {
    outputs.losses(result("losses", into, rowShape()));
    outputs.logSumExp(result("lse", into, rowShape()));
    if (kind == 0) {
      outputs.correct(integers("correct", into, DType.U8, rowShape()));
    }
    if (!all) {
      return outputs;
    }
    int top = Math.min(3, classes);
    outputs
        .argmax(integers("argmax", into, DType.I64, rowShape()))
        .entropies(result("entropies", into, rowShape()))
        .topClasses(integers("top", into, DType.I32, shapeWith(top)))
        .topLogProbabilities(result("top log p", into, shapeWith(top)));
    if (kind == 0) {
      outputs
          .ranks(integers("ranks", into, DType.I32, rowShape()))
          .logProbabilities(result("log p", into, rowShape()));
    } else {
      outputs.targetGradient(
          result("target gradient", into, shapeWith(kind == 1 ? classes : entries)));
    }
    return outputs;
  }

  private static Tensor result(String name, Map<String, Tensor> into, long... shape) {
    return put(name, into, DType.F32, shape);
  }

  private static Tensor integers(String name, Map<String, Tensor> into, DType type, long... shape) {
    return put(name, into, type, shape);
  }

  private static Tensor put(String name, Map<String, Tensor> into, DType type, long... shape) {
    Tensor tensor = Tensor.allocate(Arena.ofAuto(), type, shape);
    into.put(name, tensor);
    return tensor;
  }

  private Map<String, Tensor> gradients() {
    Map<String, Tensor> all = new LinkedHashMap<>();
    put("hidden gradient", all, ofGradients, shapeWith(features));
    put("weights gradient", all, ofGradients, classes, features);
    put("bias gradient", all, ofGradients, classes);
    return all;
  }

  /** The results of an operation, as bits by name. */
  Map<String, long[]> actual(
      Backend backend, int threads, long workspace, boolean all, boolean later) {
    LinearCrossEntropy.Builder builder =
        with(LinearCrossEntropy.builder())
            .execution(Execution.defaults().withBackend(backend).withThreads(threads));
    if (workspace != 0) {
      builder.workspace(workspace);
    }
    LinearCrossEntropy operation = builder.build();
    Map<String, Tensor> results = new LinkedHashMap<>();
    Map<String, Tensor> gradients = gradients();
    LossOutputs outputs = ask(LossOutputs.create(), results, all);
    LinearGradients asked =
        LinearGradients.create()
            .hidden(gradients.get("hidden gradient"))
            .weights(gradients.get("weights gradient"))
            .bias(gradients.get("bias gradient"));
    double loss;
    if (later) {
      outputs.saveStatistics();
      loss = operation.on(hidden, weights, targets).inputs(withBias()).outputs(outputs).run();
      operation.onBackward(hidden, weights, targets, outputs, null, asked).inputs(withBias()).run();
    } else {
      loss =
          operation.on(hidden, weights, targets, asked).inputs(withBias()).outputs(outputs).run();
    }
    results.putAll(gradients);
    return bits(loss, outputs, results);
  }

  private static Map<String, long[]> bits(
      double loss, LossOutputs outputs, Map<String, Tensor> results) {
    Map<String, long[]> bits = new LinkedHashMap<>();
    bits.put("loss", new long[] {Double.doubleToLongBits(loss)});
    bits.put("sum", new long[] {Double.doubleToLongBits(outputs.sum())});
    bits.put(
        "valid_rows",
        new long[] {outputs.validRows(), Double.doubleToLongBits(outputs.denominator())});
    results.forEach((name, tensor) -> bits.put(name, bits(tensor)));
    return bits;
  }

  private static long[] bits(Tensor tensor) {
    long[] bits = new long[(int) tensor.elements()];
    int[] next = {0};
    each(
        tensor,
        i ->
            bits[next[0]++] =
                tensor.type().isInteger()
                    ? tensor.getLong(i)
                    : Float.floatToRawIntBits(tensor.getFloat(i)));
    return bits;
  }

  /** The expected results, as bits by name. */
  Map<String, long[]> expected(boolean all) {
    float[][] h = numbers(hidden, features);
    float[][] w = new float[classes][features];
    each(weights, i -> w[(int) i[0]][(int) i[1]] = weights.getFloat(i));
    Tensor logits = Tensor.allocate(Arena.ofAuto(), DType.F32, shapeWith(classes));
    set(
        logits,
        (row, clazz) -> {
          double sum = dotProduct(h[row], w[clazz], features, false);
          return (float) (bias == null ? sum : sum + bias.getFloat(clazz));
        });
    Map<String, Tensor> results = new LinkedHashMap<>();
    CrossEntropy operation =
        with(CrossEntropy.builder())
            .execution(Execution.defaults().withBackend(Backend.REFERENCE))
            .build();
    LossOutputs outputs = ask(LossOutputs.create(), results, all);
    Tensor gradient = Tensor.allocate(Arena.ofAuto(), DType.F32, shapeWith(classes));
    double loss = operation.on(logits, targets, gradient).inputs(inputs).outputs(outputs).run();
    float[][] g = numbers(gradient, classes);
    results.putAll(gradients(g, h, w));
    return bits(loss, outputs, results);
  }

  private Map<String, Tensor> gradients(float[][] g, float[][] h, float[][] w) {
    Map<String, Tensor> all = gradients();
    float[] ones = new float[rows];
    Arrays.fill(ones, 1);
    set(
        all.get("hidden gradient"),
        (row, k) -> {
          float[] column = column(w, k);
          return rounded(dotProduct(g[row], column, classes, true));
        });
    Tensor ofWeights = all.get("weights gradient");
    float[][] ofClass = new float[classes][];
    for (int v = 0; v < classes; v++) {
      ofClass[v] = column(g, v);
    }
    for (int k = 0; k < features; k++) {
      float[] column = column(h, k);
      for (int v = 0; v < classes; v++) {
        float value = rounded(dotProduct(ofClass[v], column, rows, true));
        ofWeights.setFloat(value, v, k);
      }
    }
    for (int v = 0; v < classes; v++) {
      float value = rounded(dotProduct(ofClass[v], ones, rows, true));
      all.get("bias gradient").setFloat(value, v);
    }
    return all;
  }

  private static float[] column(float[][] matrix, int at) {
    float[] column = new float[matrix.length];
    for (int i = 0; i < column.length; i++) {
      column[i] = matrix[i][at];
    }
    return column;
  }

  private static float rounded(double sum) {
    return (float) (sum + 0.0);
  }

  private static double dotProduct(float[] a, float[] b, int terms, boolean skipZeros) {
    double sum = 0;
    for (int begin = 0; begin < terms; begin += BLOCK) {
      float chain = 0;
      for (int i = begin; i < Math.min(begin + BLOCK, terms); i++) {
        float term = a[i];
        if (!skipZeros || term != 0) {
          chain = Math.fma(term, b[i], chain);
        }
      }
      sum = begin == 0 ? chain : sum + chain;
    }
    return sum;
  }

  private interface Number {
    float of(int row, int place);
  }

  /** Sets each number of an array that has some along the axis for every row. */
  private void set(Tensor tensor, Number number) {
    each(tensor, i -> tensor.setFloat(number.of(row(i), (int) i[axis]), i));
  }

  private float[][] numbers(Tensor tensor, int alongAxis) {
    float[][] all = new float[rows][alongAxis];
    each(tensor, i -> all[row(i)][(int) i[axis]] = tensor.getFloat(i));
    return all;
  }

  private int row(long[] index) {
    int row = 0;
    for (int d = 0, g = 0; d < index.length; d++) {
      row = d == axis ? row : row * grid[g++] + (int) index[d];
    }
    return row;
  }
}
