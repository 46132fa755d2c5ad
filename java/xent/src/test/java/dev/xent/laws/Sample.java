// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import dev.xent.DType;
import java.util.List;

/**
 * Everything that a call is made from, in numbers that a person can read: {@link #toString} writes
 * the values that are not 0, and {@link SampleText#parse} reads them again.
 *
 * @param type of the logits
 * @param result of what is computed
 * @param sizes of the logits
 * @param axis of the classes
 * @param ragged whether each row has its own length, up to the number of classes
 * @param in memory layout of inputs
 * @param out memory layout of results
 * @param inPlace whether the first result overwrites the first input
 * @param kind of logits
 * @param seed of all numbers
 * @param options of the loss
 */
record Sample(
    DType type,
    DType result,
    List<Integer> sizes,
    int axis,
    boolean ragged,
    Layout in,
    Layout out,
    boolean inPlace,
    LogitKind kind,
    int seed,
    Options options) {
  /** Types that go together. */
  Sample {
    if (type == DType.F64) {
      result = result == DType.F32 ? DType.F32 : DType.F64;
    } else {
      result = result == DType.F64 ? DType.F32 : result;
    }
    axis = Math.min(axis, sizes.size() - 1);
    inPlace &= type == result;
    in = ragged ? new Layout(0, in.step(), 0, in.offset(), in.heap()) : in;
    out = ragged ? new Layout(0, out.step(), 0, out.offset(), out.heap()) : out;
  }

  boolean isWide() {
    return type == DType.F64;
  }

  int classes() {
    return sizes.get(axis);
  }

  int rows() {
    int rows = 1;
    for (int d = 0; d < sizes.size(); d++) {
      rows *= d == axis ? 1 : sizes.get(d);
    }
    return rows;
  }

  Sample with(Options newOptions) {
    return new Sample(type, result, sizes, axis, ragged, in, out, inPlace, kind, seed, newOptions);
  }

  Sample with(LogitKind newKind) {
    return new Sample(type, result, sizes, axis, ragged, in, out, inPlace, newKind, seed, options);
  }

  /** Rectangular rows. */
  Sample rectangular() {
    return new Sample(type, result, sizes, axis, false, in, out, inPlace, kind, seed, options);
  }

  /** The same rows as a row-major matrix, not in place. */
  Sample plain() {
    return new Sample(
        type,
        result,
        List.of(rows(), classes()),
        1,
        ragged,
        Layout.PLAIN,
        Layout.PLAIN,
        false,
        kind,
        seed,
        options);
  }

  /** A matrix of these numbers of rows and classes; the layouts stay. */
  Sample matrix(int rows, int classes) {
    return new Sample(
        type, result, List.of(rows, classes), 1, ragged, in, out, inPlace, kind, seed, options);
  }

  @Override
  public String toString() {
    return SampleText.of(this);
  }
}
