// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.BinaryCrossEntropy;
import dev.xent.CrossEntropy;
import dev.xent.CrossEntropyHvp;
import dev.xent.DType;
import dev.xent.Divergence;
import dev.xent.Execution;
import dev.xent.Inputs;
import dev.xent.SelectedLogProbabilities;
import dev.xent.Tensor;
import dev.xent.options.Backend;
import dev.xent.options.DivergenceKind;
import dev.xent.options.Reduction;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.function.IntFunction;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Gradients of focal losses, binary cross-entropy, divergences and selected log-probabilities, and
 * Hessian-vector products: against double-double arithmetic and its central differences, within the
 * promises of conformance/bounds.md.
 */
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class FurtherGradientTest {
  private static final int ROWS = 12;
  private static final int CLASSES = 7;

  /** What a difference of double-doubles may lose of the function, over its step. */
  private static final double LOST = 0x1p-68;

  private final SplittableRandom random = new SplittableRandom(23);
  private final double[] x = normals(2);
  private final int[] labels = new int[ROWS];
  private double worst;
  private String where = "";
  private int compared;

  FurtherGradientTest() {
    for (int row = 0; row < ROWS; row++) {
      labels[row] = random.nextInt(CLASSES);
      int at = row * CLASSES + labels[row];
      double spike = row % 3 == 0 ? 14 : row % 3 == 1 ? -14 : 0; // p near 1, near 0, in between
      x[at] = (float) (x[at] + spike);
    }
  }

  /** Doubles that are floats. */
  private double[] normals(double scale) {
    return random
        .doubles((long) ROWS * CLASSES)
        .map(u -> (float) (4 * scale * (u - 0.5)))
        .toArray();
  }

  /**
   * A softmax, each probability with its relative accuracy, and so what it leaves to the others.
   */
  private static final class Probabilities {
    private final DoubleDouble[] e;
    private DoubleDouble total = DoubleDouble.ZERO;

    Probabilities(DoubleDouble[] row, double temperature) {
      int first = 0;
      for (int k = 1; k < row.length; k++) {
        first = row[k].high() > row[first].high() ? k : first;
      }
      e = new DoubleDouble[row.length];
      for (int k = 0; k < row.length; k++) {
        DoubleDouble above = row[k].minus(row[first]).dividedBy(DoubleDouble.of(temperature));
        e[k] = Elementary.exp(above);
        total = total.plus(e[k]);
      }
    }

    DoubleDouble of(int k) {
      return e[k].dividedBy(total);
    }

    /** 1 - p. */
    DoubleDouble rest(int k) {
      return others(k).dividedBy(total);
    }

    private DoubleDouble others(int k) {
      DoubleDouble sum = DoubleDouble.ZERO;
      for (int j = 0; j < e.length; j++) {
        sum = j == k ? sum : sum.plus(e[j]);
      }
      return sum;
    }

    /** -log p. */
    DoubleDouble loss(int k) {
      return Elementary.logOnePlus(others(k).dividedBy(e[k]));
    }
  }

  private static DoubleDouble[] row(double[] values, int row) {
    DoubleDouble[] own = new DoubleDouble[CLASSES];
    for (int k = 0; k < CLASSES; k++) {
      own[k] = DoubleDouble.of(values[row * CLASSES + k]);
    }
    return own;
  }

  private static DoubleDouble power(DoubleDouble base, double exponent) {
    return Elementary.exp(Elementary.log(base).times(exponent));
  }

  private static Tensor tensor(Arena arena, DType type, double[] values) {
    Tensor tensor = Tensor.allocate(arena, type, ROWS, CLASSES);
    for (int i = 0; i < values.length; i++) {
      tensor.setDouble(values[i], i / CLASSES, i % CLASSES);
    }
    return tensor;
  }

  /** Compares a row with the slopes of a function; sizes are what errors may be. */
  private void compare(
      String what, Tensor dx, int row, Function<DoubleDouble[], DoubleDouble> f, double[] sizes) {
    compare(what, dx, row, sizes, k -> f);
  }

  /** The same, with one function per class. */
  private void compare(
      String what,
      Tensor dx,
      int row,
      double[] sizes,
      IntFunction<Function<DoubleDouble[], DoubleDouble>> of) {
    DoubleDouble[] at = row(x, row);
    for (int k = 0; k < CLASSES; k++) {
      Function<DoubleDouble[], DoubleDouble> f = of.apply(k);
      double slope = Slope.of(f, at, k);
      double actual = dx.getDouble(row, k);
      double lost = LOST * Math.abs(f.apply(at).high());
      double share = actual == slope ? 0 : Math.abs(actual - slope) / (sizes[k] + lost);
      compared++;
      if (!(share <= worst)) {
        worst = Double.isNaN(share) ? Double.POSITIVE_INFINITY : share;
        where = what + ", row " + row + ", class " + k + ": " + actual + " instead of " + slope;
      }
    }
  }

  private void assertWithinThePromises(String what, DType type, Backend backend) {
    System.out.printf(
        "%s, %s on %s: %,d numbers, worst %.2f of what is promised (%s)%n",
        what, type, backend, compared, worst, where);
    assertThat(compared).isGreaterThanOrEqualTo(ROWS * CLASSES);
    assertThat(worst).as(where).isLessThanOrEqualTo(1);
  }

  private static boolean isWide(DType type) {
    return type == DType.F64;
  }

  @ParameterizedTest
  @CsvSource({"F32, NATIVE", "F64, NATIVE", "F32, REFERENCE", "F64, REFERENCE"})
  void focalLossOfSoftmax(DType type, Backend backend) {
    try (Arena arena = Arena.ofConfined()) {
      for (double gamma : new double[] {0.5, 2, 5, isWide(type) ? 20 : 5}) {
        Tensor dx = Tensor.allocate(arena, type, ROWS, CLASSES);
        CrossEntropy.builder()
            .execution(Execution.defaults().withBackend(backend))
            .reduction(Reduction.SUM)
            .focalGamma(gamma)
            .build()
            .forwardBackward(tensor(arena, type, x), Tensor.of(labels), dx);
        for (int r = 0; r < ROWS; r++) {
          int y = labels[r];
          Function<DoubleDouble[], DoubleDouble> loss =
              moved -> {
                Probabilities p = new Probabilities(moved, 1);
                return power(p.rest(y), gamma).times(p.loss(y));
              };
          double logOfRest = Math.log(new Probabilities(row(x, r), 1).rest(y).high());
          double promised =
              isWide(type)
                  ? 4.5e-15 + gamma * (7e-16 + 3.4e-16 * Math.abs(logOfRest))
                  : 2e-6 + gamma * (4.5e-7 * (1 - Math.exp(logOfRest)) + 3e-16);
          double[] sizes = new double[CLASSES];
          for (int k = 0; k < CLASSES; k++) {
            sizes[k] = promised * Math.abs(Slope.of(loss, row(x, r), k));
          }
          compare("gamma " + gamma, dx, r, loss, sizes);
        }
      }
    }
    assertWithinThePromises("gradients of focal losses of softmax", type, backend);
  }

  @ParameterizedTest
  @CsvSource({"F32, NATIVE", "F64, NATIVE", "F32, REFERENCE", "F64, REFERENCE"})
  void binaryCrossEntropy(DType type, Backend backend) {
    double[] targets =
        random.doubles(x.length).map(u -> u < 0.6 ? Math.round(u) : (float) u).toArray();
    double[] weights = random.doubles(x.length).map(u -> (float) (3 * u)).toArray();
    double[] positive = random.doubles(x.length).map(u -> (float) (2 * u)).toArray();
    try (Arena arena = Arena.ofConfined()) {
      for (double gamma : new double[] {0, 0.5, 2, isWide(type) ? 30 : 2}) {
        Tensor dx = Tensor.allocate(arena, type, ROWS, CLASSES);
        BinaryCrossEntropy.builder()
            .execution(Execution.defaults().withBackend(backend))
            .reduction(Reduction.SUM)
            .focalGamma(gamma)
            .focalAlpha(0.25)
            .build()
            .on(tensor(arena, type, x), tensor(arena, type, targets), dx)
            .inputs(
                Inputs.none()
                    .withElementWeights(tensor(arena, type, weights))
                    .withPositiveWeights(tensor(arena, type, positive)))
            .run();
        for (int r = 0; r < ROWS; r++) {
          int first = r * CLASSES;
          double[] sizes = new double[CLASSES];
          for (int k = 0; k < CLASSES; k++) {
            int i = first + k;
            double terms = termsOfElement(x[i], targets[i], positive[i], gamma) * weights[i];
            sizes[k] = terms * promiseOfElement(type, gamma, x[i], targets[i]);
          }
          compare(
              "gamma " + gamma,
              dx,
              r,
              sizes,
              k ->
                  moved -> {
                    int i = first + k;
                    return element(moved[k], targets[i], positive[i], gamma).times(weights[i]);
                  });
        }
      }
    }
    assertWithinThePromises("gradients of binary cross-entropy", type, backend);
  }

  private static double alpha(double t) {
    return 0.25 * t + 0.75 * (1 - t);
  }

  private static double sigmoid(double x) {
    return x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x));
  }

  /** a m^gamma (r t softplus(-x) + (1 - t) softplus(x)). */
  private static DoubleDouble element(DoubleDouble x, double t, double r, double gamma) {
    boolean above = x.high() >= 0;
    DoubleDouble u = Elementary.exp(above ? x.negated() : x);
    DoubleDouble small = Elementary.logOnePlus(u);
    DoubleDouble large = small.plus(above ? x : x.negated());
    DoubleDouble ofPositive = above ? small : large;
    DoubleDouble ofNegative = above ? large : small;
    DoubleDouble one = DoubleDouble.ONE;
    DoubleDouble sure = one.dividedBy(u.plus(1));
    DoubleDouble unsure = u.dividedBy(u.plus(1));
    DoubleDouble wrong =
        (above ? sure : unsure).times(1 - t).plus((above ? unsure : sure).times(t));
    DoubleDouble loss = ofPositive.times(r * t).plus(ofNegative.times(1 - t)).times(alpha(t));
    return gamma == 0 ? loss : loss.times(power(wrong, gamma));
  }

  private static double termsOfElement(double x, double t, double r, double gamma) {
    double p = sigmoid(x);
    double n = sigmoid(-x);
    double m = (1 - t) * p + t * n;
    double b = element(DoubleDouble.of(x), t, r, 0).high() / alpha(t);
    double focused = gamma * (p * n / m) * b;
    return alpha(t) * Math.pow(m, gamma) * ((1 - t) * p + r * t * n + focused);
  }

  private static double promiseOfElement(DType type, double gamma, double x, double t) {
    double m = (1 - t) * sigmoid(x) + t * sigmoid(-x);
    double focus = gamma * (8.5e-16 + 3.4e-16 * Math.abs(Math.log(m)));
    if (gamma == 0) {
      return isWide(type) ? 2e-15 : 1e-6;
    }
    return focus + (isWide(type) ? 4.2e-15 : 6.1e-8);
  }

  @ParameterizedTest
  @CsvSource({"F32, NATIVE", "F64, NATIVE", "F32, REFERENCE", "F64, REFERENCE"})
  void divergences(DType type, Backend backend) {
    double[] teacher = normals(2);
    double temperature = 1.5;
    try (Arena arena = Arena.ofConfined()) {
      for (DivergenceKind kind : DivergenceKind.values()) {
        Tensor dx = Tensor.allocate(arena, DType.F64, ROWS, CLASSES);
        Divergence.builder(kind)
            .execution(Execution.defaults().withBackend(backend))
            .reduction(Reduction.SUM)
            .temperature(temperature)
            .build()
            .forwardBackward(tensor(arena, type, x), tensor(arena, type, teacher), dx);
        for (int r = 0; r < ROWS; r++) {
          Probabilities q = new Probabilities(row(teacher, r), temperature);
          Probabilities p = new Probabilities(row(x, r), temperature);
          double[] sizes = new double[CLASSES];
          double slopes = 0;
          for (int k = 0; k < CLASSES; k++) {
            slopes += p.of(k).high() * slopeOf(kind, p.of(k).high(), q.of(k).high());
          }
          for (int k = 0; k < CLASSES; k++) {
            double own = slopeOf(kind, p.of(k).high(), q.of(k).high());
            sizes[k] =
                kind == DivergenceKind.KULLBACK_LEIBLER
                    ? 2e-15 * (p.of(k).high() + q.of(k).high())
                    : 1.5e-14 * p.of(k).high() * (own + slopes + 1);
          }
          compare(
              kind.name(),
              dx,
              r,
              moved -> divergence(kind, new Probabilities(moved, temperature), q),
              sizes);
        }
      }
    }
    assertWithinThePromises("gradients of divergences", type, backend);
  }

  /** The size of the slope of a class's share in a bounded divergence. */
  private static double slopeOf(DivergenceKind kind, double p, double q) {
    return kind == DivergenceKind.TOTAL_VARIATION ? 1 : Math.abs(Math.log(2 * p / (p + q)));
  }

  private static DoubleDouble divergence(
      DivergenceKind kind, Probabilities student, Probabilities teacher) {
    DoubleDouble sum = DoubleDouble.ZERO;
    for (int k = 0; k < CLASSES; k++) {
      DoubleDouble p = student.of(k);
      DoubleDouble q = teacher.of(k);
      DoubleDouble mean = p.plus(q).scaled(-1);
      DoubleDouble apart = p.minus(q);
      sum =
          sum.plus(
              switch (kind) {
                case KULLBACK_LEIBLER -> q.times(student.loss(k).minus(teacher.loss(k)));
                case JENSEN_SHANNON ->
                    q.times(Elementary.log(q.dividedBy(mean)))
                        .plus(p.times(Elementary.log(p.dividedBy(mean))))
                        .scaled(-1);
                case TOTAL_VARIATION -> (apart.high() < 0 ? apart.negated() : apart).scaled(-1);
              });
    }
    return sum;
  }

  @ParameterizedTest
  @CsvSource({"F32, NATIVE", "F64, NATIVE", "F32, REFERENCE", "F64, REFERENCE"})
  void selectedLogProbabilities(DType type, Backend backend) {
    int count = 3;
    double temperature = 0.75;
    int[] classes = random.ints((long) ROWS * count, 0, CLASSES).toArray();
    double[] g = random.doubles(classes.length).map(u -> (float) (2 * u - 1)).toArray();
    for (int r = 0; r < ROWS; r++) {
      classes[r * count] = labels[r];
    }
    try (Arena arena = Arena.ofConfined()) {
      Tensor upstream = Tensor.allocate(arena, type, ROWS, count);
      for (int i = 0; i < g.length; i++) {
        upstream.setDouble(g[i], i / count, i % count);
      }
      Tensor dx = Tensor.allocate(arena, type, ROWS, CLASSES);
      SelectedLogProbabilities.builder()
          .execution(Execution.defaults().withBackend(backend))
          .temperature(temperature)
          .build()
          .on(
              tensor(arena, type, x),
              Tensor.of(classes, ROWS, count),
              Tensor.allocate(arena, type, ROWS, count),
              upstream,
              dx)
          .run();
      for (int r = 0; r < ROWS; r++) {
        int first = r * count;
        Function<DoubleDouble[], DoubleDouble> sum =
            moved -> {
              Probabilities p = new Probabilities(moved, temperature);
              DoubleDouble all = DoubleDouble.ZERO;
              for (int j = first; j < first + count; j++) {
                all = all.plus(p.loss(classes[j]).times(-g[j]));
              }
              return all;
            };
        Probabilities p = new Probabilities(row(x, r), temperature);
        double[] sizes = new double[CLASSES];
        for (int k = 0; k < CLASSES; k++) {
          for (int j = first; j < first + count; j++) {
            sizes[k] += Math.abs(g[j]) * (p.of(k).high() + (classes[j] == k ? 1 : 0));
          }
          sizes[k] *= (isWide(type) ? 2e-15 : 9e-7) / temperature;
        }
        compare("selected", dx, r, sum, sizes);
      }
    }
    assertWithinThePromises("gradients of selected log-probabilities", type, backend);
  }

  /** The product is the gradient of what the gradient's product with the vector is. */
  @ParameterizedTest
  @CsvSource({"F32, NATIVE", "F64, NATIVE", "F32, REFERENCE", "F64, REFERENCE"})
  void hessianVectorProducts(DType type, Backend backend) {
    double temperature = 1.25;
    double scale = 0.375;
    double[] v = normals(1);
    try (Arena arena = Arena.ofConfined()) {
      Tensor product = Tensor.allocate(arena, type, ROWS, CLASSES);
      CrossEntropyHvp.builder()
          .execution(Execution.defaults().withBackend(backend))
          .temperature(temperature)
          .gradientScale(scale)
          .build()
          .product(tensor(arena, type, x), tensor(arena, type, v), product);
      for (int r = 0; r < ROWS; r++) {
        int first = r * CLASSES;
        Function<DoubleDouble[], DoubleDouble> mean =
            moved -> {
              Probabilities p = new Probabilities(moved, temperature);
              DoubleDouble sum = DoubleDouble.ZERO;
              for (int k = 0; k < CLASSES; k++) {
                sum = sum.plus(p.of(k).times(v[first + k]));
              }
              return sum.times(scale).dividedBy(DoubleDouble.of(temperature));
            };
        Probabilities p = new Probabilities(row(x, r), temperature);
        double s = 0;
        double terms = 0;
        for (int k = 0; k < CLASSES; k++) {
          s += p.of(k).high() * v[first + k];
          terms += p.of(k).high() * Math.abs(v[first + k]);
        }
        double[] sizes = new double[CLASSES];
        for (int k = 0; k < CLASSES; k++) {
          double own = p.of(k).high() * (Math.abs(v[first + k] - s) + terms);
          sizes[k] = (isWide(type) ? 1.6e-15 : 8.7e-7) * scale / temperature / temperature * own;
        }
        compare("product", product, r, mean, sizes);
      }
    }
    assertWithinThePromises("Hessian-vector products", type, backend);
  }
}
