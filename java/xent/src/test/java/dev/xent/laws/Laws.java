// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import net.jqwik.api.lifecycle.AddLifecycleHook;

/** What samples are made of, and how results are compared. */
@AddLifecycleHook(Tries.class)
abstract class Laws {
  /** Values that laws have compared since the last law began. */
  static final LongAdder COMPARED = new LongAdder();

  private static final int MOST_ELEMENTS = 30_000;
  private static final int LARGE = 40_000;
  private static final Integer[] BOUNDARIES = {
    1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 300, 1023, 1024, 1025
  };
  private static final Integer[] CHUNKS = {8191, 8192, 8193, 8320, 9217, 16384, 16385, 20000};

  // ---- samples ---------------------------------------------------------------------------------

  @Provide
  Arbitrary<Sample> samples() {
    return sampleOr(samples(classes(), LogitKind.MIXED, options()));
  }

  /** Rows of several chunks. */
  @Provide
  Arbitrary<Sample> longRows() {
    return sampleOr(samples(Arbitraries.of(CHUNKS), LogitKind.MIXED, options()));
  }

  /** Enough elements for several threads to compute. */
  @Provide
  Arbitrary<Sample> large() {
    Arbitrary<Integer> classes =
        Arbitraries.frequencyOf(
            Tuple.of(3, Arbitraries.integers().between(1, 600)),
            Tuple.of(1, Arbitraries.of(CHUNKS)));
    return sampleOr(
        samples(classes, LogitKind.MIXED, options())
            .map(sample -> sample.matrix(LARGE / sample.classes() + 1, sample.classes())));
  }

  /** The sample in the property {@code xent.sample} if it is set; otherwise a random one. */
  private static Arbitrary<Sample> sampleOr(Arbitrary<Sample> random) {
    String text = System.getProperty("xent.sample");
    return text == null ? random : Arbitraries.just(SampleText.parse(text));
  }

  private static Arbitrary<Integer> classes() {
    return Arbitraries.frequencyOf(
        Tuple.of(6, Arbitraries.integers().between(1, 48)),
        Tuple.of(5, Arbitraries.of(BOUNDARIES)),
        Tuple.of(1, Arbitraries.of(CHUNKS)));
  }

  private static Arbitrary<Integer> rows() {
    return Arbitraries.frequencyOf(
        Tuple.of(8, Arbitraries.integers().between(1, 6)),
        Tuple.of(4, Arbitraries.integers().between(1, 70)),
        Tuple.of(1, Arbitraries.just(0)));
  }

  private static Arbitrary<Sample> samples(
      Arbitrary<Integer> classes, LogitKind last, Arbitrary<Options> options) {
    Arbitrary<LogitKind> kinds =
        Arbitraries.of(LogitKind.values()).filter(kind -> kind.compareTo(last) <= 0);
    return Combinators.combine(
            shapes(classes),
            types(),
            layouts(),
            layouts(),
            rarely(),
            kinds,
            Arbitraries.integers().between(0, 1 << 20),
            options)
        .as(
            (shape, types, in, out, flags, kind, seed, option) ->
                new Sample(
                    types.get(0),
                    types.get(1),
                    shape.subList(1, shape.size()),
                    shape.get(0),
                    flags == 1,
                    in,
                    out,
                    flags == 2,
                    kind,
                    seed,
                    option));
  }

  /** 1: ragged, 2: in place, 0: neither. */
  private static Arbitrary<Integer> rarely() {
    return Arbitraries.frequency(Tuple.of(5, 0), Tuple.of(1, 1), Tuple.of(2, 2));
  }

  /** The axis of the classes, then the sizes. */
  private static Arbitrary<List<Integer>> shapes(Arbitrary<Integer> classes) {
    return Combinators.combine(
            classes,
            rows(),
            Arbitraries.frequency(Tuple.of(4, 2), Tuple.of(1, 1), Tuple.of(3, 3), Tuple.of(2, 4)),
            Arbitraries.integers().between(0, 3),
            Arbitraries.integers().between(1, 3))
        .as(Laws::shape);
  }

  private static List<Integer> shape(int classes, int wanted, int rank, int place, int factor) {
    int rows = Math.min(wanted, Math.max(1, MOST_ELEMENTS / classes));
    List<Integer> shape = new ArrayList<>();
    for (int d = rank - 1; d > 0; d--) {
      int size = d == 1 ? rows : Math.min(factor, Math.max(rows, 1));
      shape.add(size);
      rows = rows / Math.max(size, 1);
    }
    int axis = place % rank;
    shape.add(axis, classes);
    shape.add(0, axis);
    return shape;
  }

  private static Arbitrary<List<DType>> types() {
    return Arbitraries.frequency(
        Tuple.of(6, List.of(DType.F32, DType.F32)),
        Tuple.of(4, List.of(DType.F64, DType.F64)),
        Tuple.of(3, List.of(DType.F16, DType.F16)),
        Tuple.of(3, List.of(DType.BF16, DType.BF16)),
        Tuple.of(1, List.of(DType.F32, DType.F16)),
        Tuple.of(1, List.of(DType.F32, DType.BF16)),
        Tuple.of(1, List.of(DType.F16, DType.F32)),
        Tuple.of(1, List.of(DType.BF16, DType.F32)),
        Tuple.of(1, List.of(DType.BF16, DType.F16)),
        Tuple.of(1, List.of(DType.F64, DType.F32)));
  }

  private static Arbitrary<Layout> layouts() {
    return Combinators.combine(
            Arbitraries.frequency(Tuple.of(3, 0), Tuple.of(2, 1), Tuple.of(1, 5), Tuple.of(1, 14)),
            Arbitraries.frequency(Tuple.of(4, 0), Tuple.of(1, 1)),
            Arbitraries.frequency(Tuple.of(3, 0), Tuple.of(1, 1), Tuple.of(1, 13)),
            Arbitraries.frequency(Tuple.of(3, 0), Tuple.of(1, 1), Tuple.of(1, 3)),
            Arbitraries.of(false, true))
        .as(Layout::new);
  }

  private static Arbitrary<Options> options() {
    Arbitrary<Options> any =
        Combinators.combine(
                Arbitraries.of(Options.Targets.values()),
                Arbitraries.of(Arrays.stream(DType.values()).filter(DType::isInteger).toList()),
                Arbitraries.of(0.0, 0.1, 1.0, 1e-3),
                formulas(),
                Arbitraries.of(0.0, 0.25, -1.0 / 3, 1e-30),
                flags(),
                besides())
            .as(
                (targets, labels, smoothing, formula, scale, flags, beside) ->
                    new Options(
                        targets,
                        labels,
                        smoothing,
                        flags.get(0),
                        formula.get(0),
                        formula.get(1),
                        formula.get(2),
                        formula.get(3),
                        scale,
                        flags.get(1),
                        flags.get(2),
                        flags.get(3),
                        beside));
    Arbitrary<Options> plain =
        Combinators.combine(
                Arbitraries.of(false, true), Arbitraries.of(false, true), Arbitraries.of(0.0, 0.1))
            .as(
                (mean, ignores, smoothing) ->
                    Options.PLAIN.withMean(mean).withIgnores(ignores).withSmoothing(smoothing));
    return Arbitraries.frequencyOf(Tuple.of(2, plain), Tuple.of(3, any));
  }

  /** Temperature, softcap, z-loss and clamp, most of them 0. */
  private static Arbitrary<List<Double>> formulas() {
    return Combinators.combine(
            Arbitraries.frequency(Tuple.of(3, 0.0), Tuple.of(1, 0.5), Tuple.of(1, 3.0)),
            Arbitraries.frequency(Tuple.of(4, 0.0), Tuple.of(1, 30.0)),
            Arbitraries.frequency(Tuple.of(4, 0.0), Tuple.of(1, 1e-4)),
            Arbitraries.frequency(Tuple.of(4, 0.0), Tuple.of(1, 0.01)))
        .as((temperature, softcap, zLoss, clamp) -> List.of(temperature, softcap, zLoss, clamp));
  }

  /** Of others, mean, ignored rows, masked rows are 0. */
  private static Arbitrary<List<Boolean>> flags() {
    return Arbitraries.of(false, true).list().ofSize(4);
  }

  private static Arbitrary<Options.Beside> besides() {
    return Combinators.combine(
            Arbitraries.frequency(Tuple.of(2, 0), Tuple.of(1, 1), Tuple.of(1, 2)),
            Arbitraries.frequency(Tuple.of(2, 0), Tuple.of(1, 1), Tuple.of(1, 2)),
            Arbitraries.frequency(Tuple.of(3, 0), Tuple.of(1, 1), Tuple.of(1, 2)),
            Arbitraries.frequency(Tuple.of(2, false), Tuple.of(1, true)))
        .as(Options.Beside::new);
  }

  // ---- comparisons -----------------------------------------------------------------------------

  static void assertSame(String what, Map<String, Output> got, Map<String, Output> expected) {
    assertThat(got.keySet()).as(what).isEqualTo(expected.keySet());
    expected.forEach((name, bits) -> assertSame(what + ": " + name, got.get(name), bits));
  }

  static void assertSame(String what, Output got, Output expected) {
    COMPARED.add(expected.size());
    assertThat(got.type()).as(what).isEqualTo(expected.type());
    assertThat(got.size()).as(what).isEqualTo(expected.size());
    for (int i = 0; i < expected.size(); i++) {
      if (got.bits()[i] != expected.bits()[i]) {
        throw new AssertionError(
            "%s, element %d of %d is %s (%x), expected %s (%x)"
                .formatted(
                    what,
                    i,
                    expected.size(),
                    got.value(i),
                    got.bits()[i],
                    expected.value(i),
                    expected.bits()[i]));
      }
    }
  }

  static void assertSame(String what, double got, double expected) {
    assertSame(what, Output.of(got), Output.of(expected));
  }
}
