// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.Execution;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.util.List;
import java.util.Map;
import org.openjdk.jmh.annotations.Benchmark;

/** Xent through its Java API. */
public final class XentCandidate implements Candidate {
  private static final String AVX2 = "xent-avx2";
  private static final String TWO_THREADS = "xent-2-threads";
  private static final String JAVA = "xent-java";

  private final String name;
  private final Execution execution;
  private final Class<? extends Cell> cell;

  private XentCandidate(String name, Execution execution, Class<? extends Cell> cell) {
    this.name = name;
    this.execution = execution;
    this.cell = cell;
  }

  /** Xent with the best instruction set, with two threads, with AVX2, and without native code. */
  static List<Candidate> all() {
    Execution sequential = Execution.sequential();
    return List.of(
        new XentCandidate("xent", sequential, Best.class),
        new XentCandidate(TWO_THREADS, Execution.defaults().withThreads(2), TwoThreads.class),
        new XentCandidate(AVX2, sequential.withIsa(Isa.AVX2), Avx2.class),
        new XentCandidate(JAVA, sequential.withBackend(Backend.REFERENCE), PlainXent.class));
  }

  /** Whether a candidate takes part in a case by default. */
  static boolean isWanted(String name, Case in, boolean twoThreads) {
    return switch (name) {
      case AVX2 ->
          in.operation() == Operation.CROSS_ENTROPY_GRAD
              && in.shape().toString().equals("64x128256");
      case TWO_THREADS -> twoThreads;
      case JAVA -> false;
      default -> true;
    };
  }

  /** The CPUs that the candidates need. */
  static int cpus(List<String> candidates, boolean twoThreads) {
    return twoThreads || candidates.contains(TWO_THREADS) ? 2 : 1;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Kind kind() {
    return Kind.XENT;
  }

  @Override
  public Class<? extends Cell> cell() {
    return cell;
  }

  @Override
  public Map<String, Task> tasks(Problem problem) {
    return Map.of("Java API", new XentTasks(execution).of(problem));
  }

  /** For JMH. */
  public static class Best extends Cell {
    /** One call. */
    @Benchmark
    public double xent() throws Exception {
      return task.run();
    }
  }

  /** For JMH. */
  public static class TwoThreads extends Cell {
    /** One call. */
    @Benchmark
    public double xentTwoThreads() throws Exception {
      return task.run();
    }
  }

  /** For JMH. */
  public static class Avx2 extends Cell {
    /** One call. */
    @Benchmark
    public double xentAvx2() throws Exception {
      return task.run();
    }
  }

  /** For JMH. */
  public static class PlainXent extends Cell {
    /** One call. */
    @Benchmark
    public double xentJava() throws Exception {
      return task.run();
    }
  }
}
