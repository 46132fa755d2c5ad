// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.Array.LOGITS;
import static dev.xent.internal.kernels.Array.OUTPUT;
import static dev.xent.internal.kernels.Array.STATES;

import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.FunctionCall;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.math.Float32;
import dev.xent.internal.kernels.reference.math.Float64;
import dev.xent.internal.kernels.reference.results.ExactSum;
import dev.xent.internal.kernels.reference.rows.BinaryElements;
import dev.xent.internal.kernels.reference.rows.CrossEntropyRows;
import dev.xent.internal.kernels.reference.rows.DivergenceRows;
import dev.xent.internal.kernels.reference.rows.LinearRows;
import dev.xent.internal.kernels.reference.rows.SampleRows;
import dev.xent.internal.kernels.reference.rows.SelectedRows;
import dev.xent.internal.kernels.reference.rows.SigmoidElements;
import dev.xent.internal.kernels.reference.sample.Repetitions;
import dev.xent.internal.kernels.reference.sum.RowScratch;
import dev.xent.internal.kernels.reference.sum.State;
import dev.xent.internal.kernels.reference.sum.Statistics;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A call: its structs, its ranges and the scratch memory for its rows. Instances are reused, so
 * that a call allocates nothing.
 */
final class ReferenceCall extends Request {
  /** Whether it belongs to the pool and not to a thread. */
  final boolean spare;

  // Scratch for the checks of a call.
  private final State state = new State();
  final Statistics knownStatistics = new Statistics();
  final ExactSum exactSum = new ExactSum();

  /** An xent_exact_sum for the denominator. */
  final MemorySegment weights =
      MemorySegment.ofArray(new long[(int) (xent_exact_sum.sizeof() / Long.BYTES)]);

  /** For float32 and for float64 arithmetic. */
  private final @Nullable CrossEntropyRows[] rows = new CrossEntropyRows[2];

  private final @Nullable SelectedRows[] selected = new SelectedRows[2];

  private @Nullable DivergenceRows divergence;
  private @Nullable BinaryElements binary;
  private @Nullable SigmoidElements sigmoid;
  private @Nullable SampleRows samples;
  private @Nullable Repetitions repetitions;
  private @Nullable LinearRows linear;

  Function function = Function.SOFTMAX;
  MemorySegment reportStruct = MemorySegment.NULL;

  /** The function's choice, in addition to its arrays. */
  int choice;

  /** Creates an instance for a thread or for the pool. */
  ReferenceCall(boolean spare) {
    this.spare = spare;
  }

  /** Starts a call, whose arguments are valid. */
  void begin(FunctionCall functionCall) {
    function = functionCall.function();
    given.take(functionCall);
    reportStruct = functionCall.report();
    choice = functionCall.choice();
    report.clear();
    ragged = false;
    firstStatistics = 0;
    shape.read(functionCall.shape(), functionCall.function());
    options.read(functionCall.options());
    wide =
        switch (function) {
          case SOFTMAX_BACKWARD, LOG_SOFTMAX_BACKWARD, BACKWARD_STATES ->
              ElementType.isWide(shape.of(OUTPUT).type);
          case LINEAR_CROSS_ENTROPY, LINEAR_CROSS_ENTROPY_BACKWARD, LINEAR_STATES -> false;
          default -> ElementType.isWide(shape.of(LOGITS).type);
        };
    rowBegin = functionCall.rowBegin();
    rowEnd = functionCall.rowEnd();
    classBegin = function.hasClasses ? functionCall.classBegin() : 0;
    classEnd = function.hasClasses ? functionCall.classEnd() : shape.classes;
    if (function == Function.SAMPLE) {
      samplesPerRow = choice != 0;
      sampling.load(given.sampling, 0);
    }
    if (function == Function.FINISH && choice == 0 && rowBegin != rowEnd) {
      takeArithmeticOfBackward();
    }
  }

  /** The states of a softmax backward determine the arithmetic, because the call has no logits. */
  private void takeArithmeticOfBackward() {
    state.load(given.of(STATES), 0);
    if ((state.kind & Kind.MASK) == Kind.BACKWARD) {
      wide = (state.kind & Kind.WIDE) != 0;
    }
  }

  /** The rows of the call in its arithmetic, created by a thread's first call in it. */
  CrossEntropyRows rows() {
    int i = wide ? 1 : 0;
    CrossEntropyRows known = rows[i];
    if (known == null) {
      known = new CrossEntropyRows(new RowScratch(this, wide ? new Float64() : new Float32()));
      rows[i] = known;
    }
    return known;
  }

  /** The scratch memory for the rows. */
  RowScratch rowScratch() {
    return rows().work;
  }

  /** The selected classes of the call's rows, in its arithmetic. */
  SelectedRows selected() {
    int i = wide ? 1 : 0;
    SelectedRows known = selected[i];
    if (known == null) {
      known = new SelectedRows(rowScratch());
      selected[i] = known;
    }
    return known;
  }

  DivergenceRows divergence() {
    DivergenceRows known = divergence;
    if (known == null) {
      known = new DivergenceRows(this);
      divergence = known;
    }
    return known;
  }

  /** Computes sigmoids, or their gradients. */
  int sigmoid(boolean log, boolean backward) {
    SigmoidElements known = sigmoid;
    if (known == null) {
      known = new SigmoidElements(this);
      sigmoid = known;
    }
    return known.run(rowScratch().arithmetic, log, backward);
  }

  BinaryElements binary() {
    BinaryElements known = binary;
    if (known == null) {
      known = new BinaryElements(this);
      binary = known;
    }
    return known;
  }

  /** In float32 arithmetic. */
  SampleRows samples() {
    SampleRows known = samples;
    if (known == null) {
      known = new SampleRows(rows());
      samples = known;
    }
    return known;
  }

  Repetitions repetitions() {
    Repetitions known = repetitions;
    if (known == null) {
      known = new Repetitions();
      repetitions = known;
    }
    return known;
  }

  /** In float32 arithmetic. */
  LinearRows linear() {
    LinearRows known = linear;
    if (known == null) {
      known = new LinearRows(rows());
      linear = known;
    }
    return known;
  }

  /** Stores the report and drops the arguments. */
  void end() {
    report.store(reportStruct);
    reportStruct = MemorySegment.NULL;
    given.clear();
  }
}
