// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.CHUNK;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.Status;
import java.lang.foreign.MemorySegment;

/**
 * A call: its structs, its ranges and the checks of them. One per thread, used again by every call,
 * so that a call allocates nothing.
 */
final class Call {
  final Shape shape = new Shape();
  final Options options = new Options();
  final Report report = new Report();
  final ArrayChecks arrays = new ArrayChecks();
  final Scratch scratch = new Scratch();

  long rowBegin;
  long rowEnd;
  long classBegin;
  long classEnd;

  /** Structs, options, shape and row range, of a call on whole rows. */
  int begin(
      MemorySegment shapeStruct,
      MemorySegment optionsStruct,
      MemorySegment reportStruct,
      long firstRow,
      long endRow) {
    int status = takeStructs(shapeStruct, optionsStruct, reportStruct);
    return status == Status.OK ? check(firstRow, endRow, 0, shape.classes) : status;
  }

  /** Structs, options, shape and ranges. */
  int begin(
      MemorySegment shapeStruct,
      MemorySegment optionsStruct,
      MemorySegment reportStruct,
      long firstRow,
      long endRow,
      long firstClass,
      long endClass) {
    int status = takeStructs(shapeStruct, optionsStruct, reportStruct);
    return status == Status.OK ? check(firstRow, endRow, firstClass, endClass) : status;
  }

  /** Hands out the report and forgets the arguments. */
  int end(int status, MemorySegment reportStruct) {
    report.store(reportStruct);
    arrays.clear();
    scratch.input.clear();
    scratch.results.clear();
    return status;
  }

  /** A struct array that must be there and be aligned. */
  int checkStructs(MemorySegment structs, int field, boolean optional) {
    if (optional && Addresses.isNull(structs)) {
      return Status.OK;
    }
    return Addresses.isNull(structs) || !Addresses.isAligned(structs, Long.BYTES)
        ? report.refuse(Status.INVALID_ARGUMENT, field, 0)
        : Status.OK;
  }

  private int takeStructs(
      MemorySegment shapeStruct, MemorySegment optionsStruct, MemorySegment reportStruct) {
    arrays.clear();
    report.clear();
    if (!shape.copy.fits(shapeStruct)) {
      return report.refuse(Status.INVALID_ARGUMENT, XentH.XENT_FIELD_SHAPE(), 0);
    }
    if (!options.copy.fits(optionsStruct)) {
      return report.refuse(Status.INVALID_ARGUMENT, XentH.XENT_FIELD_OPTIONS(), 0);
    }
    if (!Addresses.isNull(reportStruct) && !report.fits(reportStruct)) {
      return report.refuse(Status.INVALID_ARGUMENT, XentH.XENT_FIELD_REPORT(), 0);
    }
    if (!shape.copy.load(shapeStruct)) {
      return refuseUnknown(XentH.XENT_FIELD_SHAPE(), shapeStruct);
    }
    if (!options.copy.load(optionsStruct)) {
      return refuseUnknown(XentH.XENT_FIELD_OPTIONS(), optionsStruct);
    }
    shape.read();
    options.read();
    return Status.OK;
  }

  private int refuseUnknown(int field, MemorySegment struct) {
    return report.refuse(Status.UNSUPPORTED, field, SizedStruct.size(struct));
  }

  private int check(long firstRow, long endRow, long firstClass, long endClass) {
    rowBegin = firstRow;
    rowEnd = endRow;
    classBegin = firstClass;
    classEnd = endClass;
    int status = checkOptions();
    if (status == Status.OK) {
      status = checkSizes();
    }
    return status == Status.OK ? checkRanges() : status;
  }

  /** The reference has one instruction set, which stands for every one that this version has. */
  private int checkOptions() {
    if (options.isa < XentH.XENT_ISA_BEST() || options.isa > XentH.XENT_ISA_AVX512()) {
      return report.refuseOption(XentH.XENT_FIELD_ISA(), options.isa);
    }
    if (options.fullyMasked != XentH.XENT_FULLY_MASKED_NAN()
        && options.fullyMasked != XentH.XENT_FULLY_MASKED_ZERO()) {
      return report.refuseOption(XentH.XENT_FIELD_FULLY_MASKED(), options.fullyMasked);
    }
    if (options.hasIgnoreIndex != 0 && options.hasIgnoreIndex != 1) {
      return report.refuseOption(XentH.XENT_FIELD_IGNORE_INDEX(), options.hasIgnoreIndex);
    }
    double smoothing = options.labelSmoothing;
    if (!(smoothing >= 0 && smoothing <= 1)) {
      return report.refuseOption(XentH.XENT_FIELD_LABEL_SMOOTHING(), smoothing);
    }
    if (options.hasGradientScale != 0 && options.hasGradientScale != 1) {
      return report.refuseOption(XentH.XENT_FIELD_GRADIENT_SCALE(), options.hasGradientScale);
    }
    return Double.isFinite(options.scale())
        ? checkPlain()
        : report.refuseOption(XentH.XENT_FIELD_GRADIENT_SCALE(), options.gradientScale);
  }

  /** Options that only a general call has: none is taken. */
  private int checkPlain() {
    if (options.smoothing != XentH.XENT_SMOOTHING_UNIFORM()) {
      return report.refuse(Status.UNSUPPORTED, XentH.XENT_FIELD_SMOOTHING(), options.smoothing);
    }
    if (options.reserved != 0) {
      return report.refuse(Status.UNSUPPORTED, XentH.XENT_FIELD_OPTIONS(), options.reserved);
    }
    if (options.temperature != 0) {
      return report.refuse(Status.UNSUPPORTED, XentH.XENT_FIELD_TEMPERATURE(), 0);
    }
    if (options.softcap != 0) {
      return report.refuse(Status.UNSUPPORTED, XentH.XENT_FIELD_SOFTCAP(), 0);
    }
    if (options.zLoss != 0) {
      return report.refuse(Status.UNSUPPORTED, XentH.XENT_FIELD_Z_LOSS(), 0);
    }
    return options.probabilityClamp != 0
        ? report.refuse(Status.UNSUPPORTED, XentH.XENT_FIELD_PROBABILITY_CLAMP(), 0)
        : Status.OK;
  }

  private int checkSizes() {
    if (shape.classes < 1) {
      return refuseSize(XentH.XENT_FIELD_CLASSES(), shape.classes);
    }
    if (shape.outer < 0) {
      return refuseSize(XentH.XENT_FIELD_SHAPE(), shape.outer);
    }
    if (shape.inner < 0) {
      return refuseSize(XentH.XENT_FIELD_SHAPE(), shape.inner);
    }
    long rows = shape.outer * shape.inner;
    if (Math.multiplyHigh(shape.outer, shape.inner) != 0
        || rows < 0
        || Math.multiplyHigh(rows, shape.classes) != 0
        || rows * shape.classes < 0) {
      return refuseSize(XentH.XENT_FIELD_SHAPE(), shape.classes);
    }
    return checkOneShard();
  }

  /** Sizes that only a general call has: none is taken. */
  private int checkOneShard() {
    if (shape.targetCount != 0) {
      return report.refuse(Status.UNSUPPORTED, XentH.XENT_FIELD_TARGET_COUNT(), shape.targetCount);
    }
    if (shape.topCount != 0) {
      return report.refuse(Status.UNSUPPORTED, XentH.XENT_FIELD_TOP_COUNT(), shape.topCount);
    }
    if (shape.firstClass != 0) {
      return report.refuse(Status.UNSUPPORTED, XentH.XENT_FIELD_FIRST_CLASS(), shape.firstClass);
    }
    return shape.allClasses != 0
        ? report.refuse(Status.UNSUPPORTED, XentH.XENT_FIELD_ALL_CLASSES(), shape.allClasses)
        : Status.OK;
  }

  private int refuseSize(int field, long size) {
    return report.refuse(Status.INVALID_SHAPE, field, size);
  }

  private int checkRanges() {
    if (rowBegin < 0 || rowBegin > rowEnd || rowEnd > shape.outer * shape.inner) {
      return report.refuse(Status.INVALID_ARGUMENT, XentH.XENT_FIELD_ROW_RANGE(), rowEnd);
    }
    boolean ordered = classBegin >= 0 && classBegin <= classEnd && classEnd <= shape.classes;
    boolean atChunks =
        classBegin % CHUNK == 0 && (classEnd % CHUNK == 0 || classEnd == shape.classes);
    return ordered && atChunks
        ? Status.OK
        : report.refuse(Status.INVALID_ARGUMENT, XentH.XENT_FIELD_CLASS_RANGE(), classBegin);
  }
}
