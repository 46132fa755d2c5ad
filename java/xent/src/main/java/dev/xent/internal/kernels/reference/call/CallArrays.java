// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import java.lang.foreign.MemorySegment;

/** The arrays of a call by name; NULL where they are absent. */
public final class CallArrays {
  public MemorySegment logits = MemorySegment.NULL;
  public MemorySegment teacher = MemorySegment.NULL;
  public MemorySegment targets = MemorySegment.NULL;
  public MemorySegment targetWeights = MemorySegment.NULL;
  public MemorySegment rowOffsets = MemorySegment.NULL;
  public MemorySegment classMask = MemorySegment.NULL;
  public MemorySegment classWeights = MemorySegment.NULL;
  public MemorySegment rowWeights = MemorySegment.NULL;
  public MemorySegment sink = MemorySegment.NULL;
  public MemorySegment elementWeights = MemorySegment.NULL;
  public MemorySegment positiveWeights = MemorySegment.NULL;

  /** y: written by a forward, read by a backward. */
  public MemorySegment output = MemorySegment.NULL;

  public MemorySegment upstream = MemorySegment.NULL;
  public MemorySegment gradient = MemorySegment.NULL;
  public MemorySegment targetGradient = MemorySegment.NULL;
  public MemorySegment losses = MemorySegment.NULL;
  public MemorySegment logSumExp = MemorySegment.NULL;
  public MemorySegment hits = MemorySegment.NULL;
  public MemorySegment logProbabilities = MemorySegment.NULL;
  public MemorySegment argmax = MemorySegment.NULL;
  public MemorySegment ranks = MemorySegment.NULL;
  public MemorySegment entropies = MemorySegment.NULL;
  public MemorySegment topClasses = MemorySegment.NULL;
  public MemorySegment topLogProbabilities = MemorySegment.NULL;
  public MemorySegment statistics = MemorySegment.NULL;
  public MemorySegment states = MemorySegment.NULL;
  public MemorySegment gathered = MemorySegment.NULL;
  public MemorySegment sampleStates = MemorySegment.NULL;
  public MemorySegment tally = MemorySegment.NULL;
  public MemorySegment bias = MemorySegment.NULL;
  public MemorySegment promptTokens = MemorySegment.NULL;
  public MemorySegment outputTokens = MemorySegment.NULL;
  public MemorySegment tokens = MemorySegment.NULL;
  public MemorySegment processedLogProbabilities = MemorySegment.NULL;
  public MemorySegment kept = MemorySegment.NULL;
  public MemorySegment keptMask = MemorySegment.NULL;
  public MemorySegment hidden = MemorySegment.NULL;
  public MemorySegment weights = MemorySegment.NULL;
  public MemorySegment hiddenGradient = MemorySegment.NULL;
  public MemorySegment weightsGradient = MemorySegment.NULL;
  public MemorySegment biasGradient = MemorySegment.NULL;
  public MemorySegment workspace = MemorySegment.NULL;

  /** One or one per row. */
  public MemorySegment sampling = MemorySegment.NULL;

  /** Forgets them all: no segment outlives its call. */
  public void clear() {
    logits = MemorySegment.NULL;
    teacher = MemorySegment.NULL;
    targets = MemorySegment.NULL;
    targetWeights = MemorySegment.NULL;
    rowOffsets = MemorySegment.NULL;
    classMask = MemorySegment.NULL;
    classWeights = MemorySegment.NULL;
    rowWeights = MemorySegment.NULL;
    sink = MemorySegment.NULL;
    elementWeights = MemorySegment.NULL;
    positiveWeights = MemorySegment.NULL;
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
    gathered = MemorySegment.NULL;
    sampleStates = MemorySegment.NULL;
    tally = MemorySegment.NULL;
    bias = MemorySegment.NULL;
    promptTokens = MemorySegment.NULL;
    outputTokens = MemorySegment.NULL;
    tokens = MemorySegment.NULL;
    processedLogProbabilities = MemorySegment.NULL;
    kept = MemorySegment.NULL;
    keptMask = MemorySegment.NULL;
    hidden = MemorySegment.NULL;
    weights = MemorySegment.NULL;
    hiddenGradient = MemorySegment.NULL;
    weightsGradient = MemorySegment.NULL;
    biasGradient = MemorySegment.NULL;
    workspace = MemorySegment.NULL;
    sampling = MemorySegment.NULL;
  }

  public static boolean has(MemorySegment array) {
    return !Addresses.isNull(array);
  }
}
