// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.CrossEntropy;
import dev.xent.LogSoftmax;
import dev.xent.Softmax;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Every operation through the Java API, one thread, beside a copy of the same bytes. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class OperationBenchmark {
  /** Rows x classes. */
  @Param({"1x10", "64x1000", "1024x1000", "64x128256"})
  public String shape;

  private final Softmax softmax = Softmax.builder().sequential().build();
  private final LogSoftmax logSoftmax = LogSoftmax.builder().sequential().build();
  private final CrossEntropy crossEntropy = CrossEntropy.builder().sequential().build();
  private Problem problem;

  /** Allocates and fills. */
  @Setup
  public void open() {
    problem = new Problem(shape);
  }

  /** Frees. */
  @TearDown
  public void close() {
    problem.close();
  }

  /** The bytes of the logits, copied. */
  @Benchmark
  public void memcpy() {
    MemorySegment from = problem.logits.segment();
    MemorySegment.copy(from, 0, problem.output.segment(), 0, from.byteSize());
  }

  /** Softmax beside its input. */
  @Benchmark
  public void softmax() {
    softmax.forward(problem.logits, problem.output);
  }

  /** Log-softmax beside its input. */
  @Benchmark
  public void logSoftmax() {
    logSoftmax.forward(problem.logits, problem.output);
  }

  /** Mean loss alone. */
  @Benchmark
  public double crossEntropy() {
    return crossEntropy.forward(problem.logits, problem.labels);
  }

  /** Mean loss and gradient in one read. */
  @Benchmark
  public double lossAndGradient() {
    return crossEntropy.forwardBackward(problem.logits, problem.labels, problem.output);
  }
}
