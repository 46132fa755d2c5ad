// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Sampler;
import dev.xent.SamplerCursor;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.TopK;
import dev.xent.benchmarks.Seldom.Call;
import dev.xent.benchmarks.Seldom.Memory;
import dev.xent.cli.bench.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;

/** A call of {@link Seldom} on one kind of memory: a loop in Java, and Xent. */
final class SeldomTasks {
  /** The number of largest classes. */
  private static final int TOP = 5;

  private final Problem problem;
  private final Call call;
  private final Memory memory;
  private final long[] dims;
  private final long[] rowDims;
  private final long[] outputDims;

  /** The output of calls on segments; results of other calls are copied to it for the check. */
  private final MemorySegment output;

  private final MemorySegment topClasses = Problem.floats(TOP);
  private final int[] classes = new int[TOP];
  private final int[] plainClasses = new int[TOP];
  private final float[] plainValues = new float[TOP];
  private final long[] labels;
  private final Tensor keptLogits;
  private final Tensor keptLabels;
  private final Tensor keptClasses;
  private final Tensor keptOutput;
  private float[] x;
  private float[] y;
  private int turn;

  SeldomTasks(Call call, Memory memory) {
    this.call = call;
    this.memory = memory;
    problem = new Problem(call.operation, Shape.of(call.shape));
    dims = problem.shape.dims();
    rowDims = problem.shape.rowDims();
    outputDims = call == Call.TOP_CLASSES ? new long[] {1, TOP} : dims;
    x = problem.input.toArray(ValueLayout.JAVA_FLOAT);
    y = new float[call == Call.TOP_CLASSES ? TOP : x.length];
    labels = problem.labels == null ? new long[1] : problem.labels.toArray(ValueLayout.JAVA_LONG);
    output = problem.output.asSlice(0, (long) Float.BYTES * y.length);
    keptLogits = Tensor.of(x, dims);
    keptLabels = Tensor.of(labels, rowDims);
    keptClasses = Tensor.of(classes, 1, TOP);
    keptOutput = Tensor.of(y, outputDims);
  }

  /** Allocates new arrays for the next call, if each call has new ones. */
  void renew() {
    if (memory == Memory.NEW_ARRAYS) {
      x = x.clone();
      y = new float[y.length];
    }
  }

  /** The loop in Java, on arrays. */
  Task java() {
    return switch (call) {
      case GREEDY -> () -> largest(x);
      case TOP_CLASSES -> this::plainTopClasses;
      case TOP_P -> plain("as llama3.java");
      case TOP_K -> plain("heap of the k largest");
      case SOFTMAX -> this::plainSoftmax;
      case LOSS, IGNORING -> plain("loops");
    };
  }

  private Task plain(String way) {
    return Objects.requireNonNull(new PlainJava().tasks(problem).get(way));
  }

  private static int largest(float[] x) {
    int largest = 0;
    float value = x[0];
    for (int i = 1; i < x.length; i++) {
      if (x[i] > value) {
        value = x[i];
        largest = i;
      }
    }
    return largest;
  }

  private double plainSoftmax() {
    float largest = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < x.length; i++) {
      largest = Math.max(largest, x[i]);
    }
    float sum = 0;
    for (int i = 0; i < x.length; i++) {
      y[i] = (float) Math.exp(x[i] - largest);
      sum += y[i];
    }
    float factor = 1 / sum;
    for (int i = 0; i < x.length; i++) {
      y[i] *= factor;
    }
    return y[0];
  }

  /** The largest classes in descending order, by insertion, and their probabilities. */
  private double plainTopClasses() {
    Arrays.fill(plainValues, Float.NEGATIVE_INFINITY);
    for (int c = 0; c < x.length; c++) {
      int i = TOP;
      for (; i > 0 && x[c] > plainValues[i - 1]; i--) {
        if (i < TOP) {
          plainValues[i] = plainValues[i - 1];
          plainClasses[i] = plainClasses[i - 1];
        }
      }
      if (i < TOP) {
        plainValues[i] = x[c];
        plainClasses[i] = c;
      }
    }
    float largest = plainValues[0];
    double sum = 0;
    for (float value : x) {
      sum += Math.exp(value - largest);
    }
    for (int i = 0; i < TOP; i++) {
      plainValues[i] = (float) (Math.exp(plainValues[i] - largest) / sum);
    }
    return plainValues[0];
  }

  /** The call of Xent as in a program: with its arrays, or with kept tensors or cursors. */
  Task xent() {
    return switch (call) {
      case GREEDY -> tokens(Sampler.greedy());
      case TOP_P -> tokens(sampler().build());
      case TOP_K -> tokens(sampler().topK(Operation.TOP_K).build());
      case SOFTMAX -> {
        Softmax softmax = Softmax.along(-1);
        yield () -> {
          softmax.forward(logits(), output());
          return 0;
        };
      }
      case TOP_CLASSES -> {
        TopK top = TopK.of(TOP);
        yield () -> {
          top.probabilities(logits(), classes(), output());
          return 0;
        };
      }
      case LOSS -> loss(CrossEntropy.mean());
      case IGNORING -> loss(CrossEntropy.builder().ignoreIndex(-100).build());
    };
  }

  private Task loss(CrossEntropy loss) {
    return () -> loss.forwardBackward(logits(), labels(), output());
  }

  private static Sampler.Builder sampler() {
    return Sampler.builder().temperature(Operation.TEMPERATURE).topP(Operation.TOP_P).seed(1);
  }

  private Task tokens(Sampler sampler) {
    SamplerCursor cursor = sampler.start();
    SamplerCursor other = sampler.start();
    return switch (memory) {
      case ARRAY, NEW_ARRAYS -> () -> cursor.next(x);
      case TENSOR -> () -> cursor.next(keptLogits);
      case SEGMENT -> () -> cursor.next(problem.input);
      case TWO_CURSORS -> () -> (turn++ & 1) == 0 ? cursor.next(x) : other.next(x);
    };
  }

  private Tensor logits() {
    return switch (memory) {
      case TENSOR -> keptLogits;
      case SEGMENT -> Tensor.of(problem.input, DType.F32, dims);
      default -> Tensor.of(x, dims);
    };
  }

  private Tensor labels() {
    return switch (memory) {
      case TENSOR -> keptLabels;
      case SEGMENT -> Tensor.of(problem.labels(), DType.I64, rowDims);
      default -> Tensor.of(labels, rowDims);
    };
  }

  private Tensor classes() {
    return switch (memory) {
      case TENSOR -> keptClasses;
      case SEGMENT -> Tensor.of(topClasses, DType.I32, outputDims);
      default -> Tensor.of(classes, outputDims);
    };
  }

  private Tensor output() {
    return switch (memory) {
      case TENSOR -> keptOutput;
      case SEGMENT -> Tensor.of(output, DType.F32, outputDims);
      default -> Tensor.of(y, outputDims);
    };
  }

  /**
   * The error of the loop's results, see {@link Rows}. For a call that is not an {@link Operation},
   * the loop is the expected result.
   */
  double errorOfJava(Task java) throws Exception {
    if (call == Call.GREEDY || call == Call.TOP_CLASSES) {
      return 0;
    }
    problem.clearOutputs();
    double loss = java.check(problem.output);
    if (call == Call.SOFTMAX) {
      MemorySegment.copy(y, 0, output, ValueLayout.JAVA_FLOAT, 0, y.length);
    }
    return Rows.of(problem).error(loss, problem.output);
  }

  /** The error of Xent's results. */
  double errorOfXent(Task xent) throws Exception {
    problem.clearOutputs();
    double result = xent.run();
    if (memory != Memory.SEGMENT) {
      MemorySegment.copy(y, 0, output, ValueLayout.JAVA_FLOAT, 0, y.length);
      MemorySegment.copy(classes, 0, topClasses, ValueLayout.JAVA_INT, 0, TOP);
    }
    if (problem.tokens != null) {
      problem.tokens.set(ValueLayout.JAVA_LONG, 0, (long) result);
    }
    return switch (call) {
      case GREEDY -> result == largest(x) ? 0 : 1;
      case TOP_CLASSES -> errorOfTopClasses();
      default -> Rows.of(problem).error(result, problem.output);
    };
  }

  private double errorOfTopClasses() {
    plainTopClasses();
    double error = 0;
    for (int i = 0; i < TOP; i++) {
      double expected = plainValues[i];
      double value = output.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      boolean isRight = topClasses.getAtIndex(ValueLayout.JAVA_INT, i) == plainClasses[i];
      error = Math.max(error, isRight ? Math.abs(value - expected) / expected : 1);
    }
    return error;
  }
}
