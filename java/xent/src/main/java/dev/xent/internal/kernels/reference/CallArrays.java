// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import java.lang.foreign.MemorySegment;

/** The arrays of a call by name; NULL where they are absent. */
final class CallArrays {
  MemorySegment logits = MemorySegment.NULL;
  MemorySegment teacher = MemorySegment.NULL;
  MemorySegment targets = MemorySegment.NULL;
  MemorySegment targetWeights = MemorySegment.NULL;
  MemorySegment rowOffsets = MemorySegment.NULL;
  MemorySegment classMask = MemorySegment.NULL;
  MemorySegment classWeights = MemorySegment.NULL;
  MemorySegment rowWeights = MemorySegment.NULL;
  MemorySegment sink = MemorySegment.NULL;

  /** y: written by a forward, read by a backward. */
  MemorySegment output = MemorySegment.NULL;

  MemorySegment upstream = MemorySegment.NULL;
  MemorySegment gradient = MemorySegment.NULL;
  MemorySegment targetGradient = MemorySegment.NULL;
  MemorySegment losses = MemorySegment.NULL;
  MemorySegment logSumExp = MemorySegment.NULL;
  MemorySegment hits = MemorySegment.NULL;
  MemorySegment logProbabilities = MemorySegment.NULL;
  MemorySegment argmax = MemorySegment.NULL;
  MemorySegment ranks = MemorySegment.NULL;
  MemorySegment entropies = MemorySegment.NULL;
  MemorySegment topClasses = MemorySegment.NULL;
  MemorySegment topLogProbabilities = MemorySegment.NULL;
  MemorySegment statistics = MemorySegment.NULL;
  MemorySegment states = MemorySegment.NULL;
  MemorySegment tally = MemorySegment.NULL;

  /** Forgets them all: no segment outlives its call. */
  void clear() {
    logits = MemorySegment.NULL;
    teacher = MemorySegment.NULL;
    targets = MemorySegment.NULL;
    targetWeights = MemorySegment.NULL;
    rowOffsets = MemorySegment.NULL;
    classMask = MemorySegment.NULL;
    classWeights = MemorySegment.NULL;
    rowWeights = MemorySegment.NULL;
    sink = MemorySegment.NULL;
    output = MemorySegment.NULL;
    upstream = MemorySegment.NULL;
    gradient = MemorySegment.NULL;
    targetGradient = MemorySegment.NULL;
    losses = MemorySegment.NULL;
    logSumExp = MemorySegment.NULL;
    hits = MemorySegment.NULL;
    logProbabilities = MemorySegment.NULL;
    argmax = MemorySegment.NULL;
    ranks = MemorySegment.NULL;
    entropies = MemorySegment.NULL;
    topClasses = MemorySegment.NULL;
    topLogProbabilities = MemorySegment.NULL;
    statistics = MemorySegment.NULL;
    states = MemorySegment.NULL;
    tally = MemorySegment.NULL;
  }

  static boolean has(MemorySegment array) {
    return !Addresses.isNull(array);
  }
}
