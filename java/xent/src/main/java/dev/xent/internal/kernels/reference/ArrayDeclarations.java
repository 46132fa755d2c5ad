// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.ffi.XentH;
import java.lang.foreign.MemorySegment;

/** The arrays that functions have in common, as they are checked. */
final class ArrayDeclarations {
  private ArrayDeclarations() {}

  static void readLogits(Call call) {
    call.arrays.read(
        call.given.logits, call.shape.logits, XentH.XENT_FIELD_LOGITS(), call.floats());
  }

  /** Labels, sparse rows or probability rows. */
  static ArrayArgument readTargets(Call call) {
    Layout layout = call.shape.targets;
    long sparse = call.shape.targetCount;
    int types = sparse != 0 ? ElementType.LABELS : ElementType.LABELS | call.floats();
    ArrayArgument array =
        call.arrays
            .read(call.given.targets, layout, XentH.XENT_FIELD_TARGETS(), types)
            .entries(sparse);
    return ElementType.isIn(layout.type, ElementType.ALL_FLOATS) ? array : array.perRow();
  }

  static void readTargetWeights(Call call) {
    long sparse = call.shape.targetCount;
    call.arrays
        .read(
            call.given.targetWeights,
            call.shape.targetWeights,
            XentH.XENT_FIELD_TARGET_WEIGHTS(),
            call.floats())
        .entries(sparse)
        .optional(sparse == 0);
  }

  static void readClassMask(Call call) {
    call.arrays
        .read(
            call.given.classMask,
            call.shape.classMask,
            XentH.XENT_FIELD_CLASS_MASK(),
            ElementType.BYTES)
        .optional();
  }

  static void readClassWeights(Call call) {
    call.arrays
        .read(
            call.given.classWeights,
            call.shape.classWeights,
            XentH.XENT_FIELD_CLASS_WEIGHTS(),
            call.floats())
        .entries(call.shape.classes)
        .optional();
  }

  static void readRowWeights(Call call) {
    call.arrays
        .read(
            call.given.rowWeights,
            call.shape.rowWeights,
            XentH.XENT_FIELD_ROW_WEIGHTS(),
            call.floats() | ElementType.BYTES)
        .perRow()
        .optional();
  }

  static void readSink(Call call) {
    call.arrays
        .read(call.given.sink, call.shape.sink, XentH.XENT_FIELD_SINK(), call.floats())
        .perRow()
        .optional();
  }

  static ArrayArgument writeGradient(Call call) {
    return call.arrays
        .written(
            call.given.gradient, call.shape.gradient, XentH.XENT_FIELD_GRADIENT(), call.floats())
        .inPlaceOf(XentH.XENT_FIELD_LOGITS());
  }

  /** In the form of the targets. */
  static void writeTargetGradient(Call call) {
    Shape shape = call.shape;
    ArrayArgument array =
        call.arrays
            .written(
                call.given.targetGradient,
                shape.targetGradient,
                XentH.XENT_FIELD_TARGET_GRADIENT(),
                call.floats())
            .entries(shape.targetCount)
            .optional();
    if (!ElementType.isIn(shape.targets.type, ElementType.ALL_FLOATS)) {
      array.perRow();
    }
  }

  static void writeResults(Call call) {
    Shape shape = call.shape;
    CallArrays given = call.given;
    int floats = call.floats();
    writeRow(call, given.losses, shape.losses, XentH.XENT_FIELD_LOSSES(), floats);
    writeRow(call, given.logSumExp, shape.logSumExp, XentH.XENT_FIELD_LOG_SUM_EXP(), floats);
    writeRow(call, given.hits, shape.hits, XentH.XENT_FIELD_HITS(), ElementType.BYTES);
  }

  static void writeFurtherResults(Call call) {
    Shape shape = call.shape;
    CallArrays given = call.given;
    int floats = call.floats();
    int classes = ElementType.CLASSES;
    writeRow(
        call,
        given.logProbabilities,
        shape.logProbabilities,
        XentH.XENT_FIELD_LOG_PROBABILITIES(),
        floats);
    writeRow(call, given.argmax, shape.argmax, XentH.XENT_FIELD_ARGMAX(), classes);
    writeRow(call, given.ranks, shape.ranks, XentH.XENT_FIELD_RANKS(), classes);
    writeRow(call, given.entropies, shape.entropies, XentH.XENT_FIELD_ENTROPIES(), floats);
    call.arrays
        .written(given.topClasses, shape.topClasses, XentH.XENT_FIELD_TOP_CLASSES(), classes)
        .entries(shape.topCount)
        .optional();
    call.arrays
        .written(
            given.topLogProbabilities,
            shape.topLogProbabilities,
            XentH.XENT_FIELD_TOP_LOG_PROBABILITIES(),
            floats)
        .entries(shape.topCount)
        .optional();
  }

  static void writeRow(Call call, MemorySegment array, Layout layout, int field, int types) {
    call.arrays.written(array, layout, field, types).perRow().optional();
  }
}
