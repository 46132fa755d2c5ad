// SPDX-License-Identifier: Apache-2.0
package dev.xent.calibration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.Tensor;
import dev.xent.errors.EmptyMeanException;
import dev.xent.errors.LabelException;
import dev.xent.errors.OptionException;
import dev.xent.errors.PartialStatesException;
import dev.xent.errors.ShapeException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Calibrations and temperatures; pyxent.calibration has the same bits (test_calibration.py). */
class CalibrationTest {
  private static final int ROWS = 97;
  private static final int CLASSES = 5;
  private static final double TEMPERATURE = 2.443178484529338;

  private final float[] x = new float[ROWS * CLASSES];
  private final int[] labels = new int[ROWS];
  private final byte[] marks = new byte[ROWS * CLASSES];
  private final Tensor logits = Tensor.of(x, ROWS, CLASSES);
  private final Tensor targets = Tensor.of(labels);

  CalibrationTest() {
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) (i * 37 % 101 / 10.0 - 5);
      marks[i] = (byte) ((x[i] > 0 ? i % 4 != 0 : i % 5 == 0) ? 1 : 0);
    }
    for (int row = 0; row < ROWS; row++) {
      int largest = 0;
      for (int k = 1; k < CLASSES; k++) {
        largest = x[row * CLASSES + k] > x[row * CLASSES + largest] ? k : largest;
      }
      labels[row] = row % 3 == 0 ? row * 7 % 5 : largest;
    }
  }

  private static double[] results(Calibration of) {
    return new double[] {
      of.loss(), of.brier(), of.accuracy(), of.confidence(), of.expectedError(), of.maximumError()
    };
  }

  @Test
  void resultsAreThoseOfPython() {
    Calibration classes = Calibration.ofClasses().add(logits, targets);
    assertThat(results(classes))
        .containsExactly(
            1.5386751810233914,
            0.48983253867810866,
            0.7216494845360825,
            0.8112125663499626,
            0.08956308181388016,
            0.11348332126584393);
    List<CalibrationBin> bins = classes.bins();
    assertThat(bins).hasSize(15);
    assertThat(bins.get(10))
        .isEqualTo(
            new CalibrationBin(10 / 15.0, 11 / 15.0, 51, 0.7150467874062266, 0.6470588235294118));
    assertThat(bins.get(0).confidence()).isNaN();
    Calibration counts = Calibration.ofClasses().withBins(4).withEqualCounts().add(logits, targets);
    assertThat(counts.expectedError()).isEqualTo(0.1566634487994399);
    assertThat(counts.bins().get(0))
        .isEqualTo(
            new CalibrationBin(
                0.7131092919009356, 0.7131093874679895, 25, 0.7131093389075249, 0.48));
    assertThat(results(Calibration.ofClass(2).withBins(10).add(logits, targets)))
        .containsExactly(
            1.5386751810233914,
            0.48983253867810866,
            0.32989690721649484,
            0.25643900287644844,
            0.07345790434004643,
            0.08291590043251783);
    assertThat(Calibration.ofClasses().withTemperature(TEMPERATURE).add(logits, targets).loss())
        .isEqualTo(1.1497182717703034);
  }

  @Test
  void temperatures() {
    assertThat(TemperatureScaling.fit(logits, targets)).isEqualTo(TEMPERATURE);
    TemperatureScaling elements = TemperatureScaling.ofElements();
    do {
      elements.add(logits, Tensor.of(marks, ROWS, CLASSES));
    } while (elements.next());
    assertThat(elements.temperature()).isEqualTo(2.6402643906490684);
    assertThat(elements.loss()).isLessThan(elements.lossBefore());
    assertThat(elements.rows()).isEqualTo((long) ROWS * CLASSES);
    assertThat(elements.passes()).isLessThan(20);
  }

  /** Rows that are all right, or no better than chance, have a temperature at an end. */
  @Test
  void temperaturesAtTheEnds() {
    Tensor sure = Tensor.of(new float[] {1, 0, 0, 1}, 2, 2);
    assertThat(TemperatureScaling.fit(sure, Tensor.of(new int[] {0, 1}))).isLessThan(0.01);
    assertThat(TemperatureScaling.fit(sure, Tensor.of(new int[] {1, 0}))).isEqualTo(0x1p32);
    Tensor same = Tensor.of(new float[] {1, 1}, 1, 2);
    assertThat(TemperatureScaling.fit(same, Tensor.of(new int[] {1}))).isEqualTo(1);
  }

  /** Any division of the rows, also over processes, has the same bits. */
  @Test
  void divisions() {
    double[] whole = results(Calibration.ofClasses().add(logits, targets));
    double[] counts = results(Calibration.ofClasses().withEqualCounts().add(logits, targets));
    for (int parts : new int[] {2, 7, 64}) {
      Calibration widths = Calibration.ofClasses();
      Calibration equal = Calibration.ofClasses().withEqualCounts();
      Calibration batches = Calibration.ofClasses().withEqualCounts();
      for (int part = parts - 1; part >= 0; part--) {
        Tensor rows = logits.slice(0, begin(part, parts), begin(part + 1, parts));
        Tensor of = targets.slice(0, begin(part, parts), begin(part + 1, parts));
        widths.add(Calibration.ofBytes(Calibration.ofClasses().add(rows, of).toBytes()));
        Calibration other = Calibration.ofClasses().withEqualCounts().add(rows, of);
        equal.add(Calibration.ofBytes(other.toBytes()));
        assertThat(equal.bins()).isEqualTo(batches.add(rows, of).bins()); // in between, too
      }
      assertThat(results(widths)).containsExactly(whole);
      assertThat(results(equal)).containsExactly(counts);
      assertThat(results(batches)).containsExactly(counts);
      assertThat(temperatureOfParts(parts)).isEqualTo(TEMPERATURE);
    }
  }

  private static long begin(int part, int parts) {
    return (long) ROWS * part / parts;
  }

  private double temperatureOfParts(int parts) {
    TemperatureScaling all = TemperatureScaling.ofClasses();
    do {
      byte[] before = all.toBytes();
      for (int part = 0; part < parts; part++) {
        TemperatureScaling one = TemperatureScaling.ofBytes(before);
        one.add(
            logits.slice(0, begin(part, parts), begin(part + 1, parts)),
            targets.slice(0, begin(part, parts), begin(part + 1, parts)));
        all.add(TemperatureScaling.ofBytes(one.toBytes()));
      }
    } while (all.next());
    return all.temperature();
  }

  @Test
  void shapes() {
    double expected = Calibration.ofClasses().add(logits, targets).loss();
    Tensor square = Tensor.of(x, 1, ROWS, CLASSES);
    assertThat(Calibration.ofClasses().add(square, targets.reshape(1, ROWS)).loss())
        .isEqualTo(expected);
    Calibration rowByRow = Calibration.ofClasses();
    for (int row = 0; row < ROWS; row++) {
      rowByRow.add(logits.select(0, row), targets.slice(0, row, row + 1));
    }
    assertThat(rowByRow.loss()).isEqualTo(expected);
    Calibration elements = Calibration.ofElements().add(logits, Tensor.of(marks, ROWS, CLASSES));
    assertThat(elements.rows()).isEqualTo((long) ROWS * CLASSES);
  }

  @Test
  void ignoredRows() {
    int[] some = labels.clone();
    some[3] = -100;
    Calibration calibration = Calibration.ofClasses().withIgnoreIndex(-100);
    calibration.add(logits, Tensor.of(some));
    assertThat(calibration.rows()).isEqualTo(ROWS - 1);
    Calibration without =
        Calibration.ofClasses()
            .add(logits.slice(0, 0, 3), targets.slice(0, 0, 3))
            .add(logits.slice(0, 4, ROWS), targets.slice(0, 4, ROWS));
    assertThat(results(calibration)).containsExactly(results(without));
  }

  @Test
  void mistakes() {
    Calibration calibration = Calibration.ofClasses();
    assertThatThrownBy(calibration::loss).isInstanceOf(EmptyMeanException.class);
    assertThatThrownBy(() -> calibration.add(logits, targets.slice(0, 1, ROWS)))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("expected labels of shape [97]");
    assertThatThrownBy(() -> calibration.add(logits, Tensor.of(new int[ROWS - 1])))
        .isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> Calibration.ofClass(5).add(logits, targets))
        .isInstanceOf(ShapeException.class);
    int[] wrong = labels.clone();
    wrong[96] = 5;
    assertThatThrownBy(() -> calibration.add(logits, Tensor.of(wrong)))
        .isInstanceOf(LabelException.class)
        .hasMessage("row 96 has label 5; expected a class from 0 to 4");
    assertThatThrownBy(() -> Calibration.ofElements().add(logits, Tensor.of(new byte[] {2}, 1, 1)))
        .isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> calibration.withBins(0)).isInstanceOf(OptionException.class);
    assertThatThrownBy(() -> Calibration.ofClass(-1)).isInstanceOf(OptionException.class);
    assertThatThrownBy(() -> calibration.withTemperature(0)).isInstanceOf(OptionException.class);
    assertThatThrownBy(() -> calibration.add(Calibration.ofClasses().withBins(3)))
        .isInstanceOf(PartialStatesException.class);
    byte[] bytes = calibration.toBytes();
    bytes[0]++;
    assertThatThrownBy(() -> Calibration.ofBytes(bytes)).isInstanceOf(PartialStatesException.class);
    assertThatThrownBy(() -> TemperatureScaling.ofBytes(new byte[3]))
        .isInstanceOf(PartialStatesException.class);
    TemperatureScaling scaling = TemperatureScaling.ofClasses();
    assertThatThrownBy(scaling::next).isInstanceOf(EmptyMeanException.class);
    assertThatThrownBy(scaling::temperature).isInstanceOf(IllegalStateException.class);
    Tensor infinite = Tensor.of(new float[] {Float.NEGATIVE_INFINITY, 0}, 1, 2);
    scaling.add(infinite, Tensor.of(new int[] {0}));
    assertThatThrownBy(scaling::next).isInstanceOf(ArithmeticException.class);
  }
}
