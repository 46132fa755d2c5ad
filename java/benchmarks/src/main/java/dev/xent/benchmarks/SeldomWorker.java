// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import java.util.Arrays;
import java.util.stream.DoubleStream;

/**
 * One row of {@link Seldom}, in a separate JVM: the loop and Xent in turns, call by call. Between
 * two calls, it reads and writes other memory of the size of the caches. There is no warm-up, so
 * the JIT compiles the same methods as in a program.
 */
final class SeldomWorker {
  private static final int SWEPT_LONGS = 8 << 20;
  private static final int LONGS_OF_A_LINE = 8;
  private static final int SWEEPS_BEFORE = 8;
  private static final long PAUSE_NANOS = 10_000_000;
  private static final long LOOP_NANOS = 2_000_000_000;
  private static final int LEAST_LOOPED = 500;
  private static final int MOST_KEPT = 10_000;

  /** Receives results, so that the compiler removes no call. */
  private static volatile double sink;

  private final long[] swept = new long[SWEPT_LONGS];
  private final SeldomTasks tasks;

  private SeldomWorker(SeldomTasks tasks) {
    this.tasks = tasks;
  }

  /** Arguments: names of a {@link Seldom.Call} and of a {@link Seldom.Memory}. */
  public static void main(String[] args) throws Exception {
    Seldom.Memory memory = Seldom.Memory.valueOf(args[1]);
    new SeldomWorker(new SeldomTasks(Seldom.Call.valueOf(args[0]), memory)).run();
  }

  private void run() throws Exception {
    Task java = tasks.java();
    Task xent = tasks.xent();
    for (int i = 0; i < SWEEPS_BEFORE; i++) {
      sweep();
    }
    double[] ofJava = new double[Seldom.CALLS];
    double[] ofXent = new double[Seldom.CALLS];
    for (int i = 0; i < Seldom.CALLS; i++) {
      ofJava[i] = seldom(java);
      ofXent[i] = seldom(xent);
    }
    double javaLoop = loop(java);
    double xentLoop = loop(xent);
    print("java", tasks.errorOfJava(java), ofJava, javaLoop);
    print("xent", tasks.errorOfXent(xent), ofXent, xentLoop);
  }

  private double seldom(Task task) throws Exception {
    long end = System.nanoTime() + PAUSE_NANOS;
    tasks.renew();
    do {
      sweep();
    } while (System.nanoTime() < end);
    return nanos(task);
  }

  private void sweep() {
    long sum = 0;
    for (int i = 0; i < swept.length; i += LONGS_OF_A_LINE) {
      sum += swept[i]++;
    }
    sink = sum;
  }

  /** The median of the last calls of a loop of two seconds. */
  private double loop(Task task) throws Exception {
    double[] last = new double[MOST_KEPT];
    long end = System.nanoTime() + LOOP_NANOS;
    int calls = 0;
    while (calls < LEAST_LOOPED || System.nanoTime() < end) {
      tasks.renew();
      last[calls++ % MOST_KEPT] = nanos(task);
    }
    return Result.median(Arrays.copyOf(last, Math.min(calls, MOST_KEPT)));
  }

  private static double nanos(Task task) throws Exception {
    long begin = System.nanoTime();
    double result = task.run();
    long end = System.nanoTime();
    sink = result;
    return end - begin;
  }

  private static void print(String candidate, double error, double[] seldom, double loop) {
    boolean isRight = error <= Rows.TOLERANCE;
    print(candidate, Seldom.SELDOM, error, isRight ? seldom : new double[0]);
    print(candidate, Seldom.LOOP, error, isRight ? new double[] {loop} : new double[0]);
  }

  private static void print(String candidate, String way, double error, double[] nanos) {
    System.out.println(
        Result.timed(candidate, way, error, DoubleStream.of(nanos).boxed().toList()));
  }
}
