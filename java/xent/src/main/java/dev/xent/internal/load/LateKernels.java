// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import dev.xent.errors.OptionException;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.PreparedKernel;
import dev.xent.internal.kernels.TextBiases;
import dev.xent.options.Isa;
import java.lang.foreign.MemorySegment;

/**
 * The kernels of an operation that was built while the native library could not be loaded. They are
 * those of the reference until the library can be loaded, and then those of the library. The change
 * may happen between two kernels of a call, since both produce the same bits.
 */
final class LateKernels implements Kernels {
  private final Isa isa;
  private volatile Kernels now;

  /**
   * Starts with the kernels of the reference.
   *
   * @param isa the instruction set that the operation requests
   */
  LateKernels(Kernels reference, Isa isa) {
    now = reference;
    this.isa = isa;
  }

  @Override
  public boolean isNative() {
    return now.isNative();
  }

  @Override
  public void beginCall() {
    if (now.isNative()) {
      return;
    }
    try {
      Backends backends = Backends.get();
      if (isa == Isa.BEST || backends.availableIsas().contains(isa)) {
        now = backends.kernels(now);
      }
    } catch (OptionException e) {
      Log.debug(e.getMessage()); // the next operation that is built throws it
    }
  }

  @Override
  public boolean hasStack(long bytes) {
    return now.hasStack(bytes);
  }

  @Override
  public boolean copiesArrays() {
    return now.copiesArrays();
  }

  @Override
  public int run(FunctionCall functionCall) {
    return now.run(functionCall);
  }

  @Override
  public boolean prepare(PreparedKernel kernel) {
    return now.prepare(kernel);
  }

  @Override
  public long sampleWorkspace(long classes, long tokens) {
    return now.sampleWorkspace(classes, tokens);
  }

  @Override
  public long linearWorkspace(long rows, long features, long classes, int contents) {
    return now.linearWorkspace(rows, features, classes, contents);
  }

  @Override
  public long textBiasesWorkspace(long tokens, long listed) {
    return now.textBiasesWorkspace(tokens, listed);
  }

  @Override
  public int textBiases(TextBiases call) {
    return now.textBiases(call);
  }

  @Override
  public int exactSumAdd(
      MemorySegment exactSum, MemorySegment values, ElementType type, long stride, long count) {
    return now.exactSumAdd(exactSum, values, type, stride, count);
  }

  @Override
  public int exactSumMerge(MemorySegment exactSum, MemorySegment other) {
    return now.exactSumMerge(exactSum, other);
  }

  @Override
  public double exactSumValue(MemorySegment exactSum) {
    return now.exactSumValue(exactSum);
  }
}
