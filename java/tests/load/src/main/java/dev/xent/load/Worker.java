// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import dev.xent.XentRuntime;
import java.io.IOException;
import java.io.Writer;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/** The process under load; {@link Launcher} starts it. */
final class Worker {
  /** Idle threads may take half a minute to end; threads that take longer count as left behind. */
  private static final long PATIENCE = TimeUnit.SECONDS.toNanos(60);

  private static final long TURN_MILLIS = 10_000;

  /** Turns that are not measured, because pauses are longer while the heap fills. */
  private static final int WARM_UP_TURNS = 2;

  /** The time after a change of turns until all calls of the previous turn are done. */
  private static final long CHANGE_MILLIS = 1_000;

  private final Mode mode;
  private final long seconds;
  private final Path directory;
  private final Path safepoints;
  private final Executions executions;
  private final Properties results = new Properties();

  private Worker(Mode mode, long seconds, Path directory) {
    this.mode = mode;
    this.seconds = seconds;
    this.directory = directory;
    this.safepoints = directory.resolve(Launcher.SAFEPOINTS);
    this.executions = new Executions(directory);
  }

  /**
   * Runs and returns; no thread may keep the process alive.
   *
   * @param arguments mode, seconds, directory
   */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    Mode mode = Mode.valueOf(arguments[0]);
    new Worker(mode, Long.parseLong(arguments[1]), Path.of(arguments[2])).run();
  }

  private void run() throws IOException, InterruptedException {
    Set<String> threadsBefore = ProcessState.threadNames();
    int filesBefore;
    try (Arena arena = Arena.ofShared();
        Helpers helpers = new Helpers()) {
      Cases cases = mode == Mode.ARRAYS ? Cases.huge(arena, helpers) : Cases.all(arena, helpers);
      List<Place> places = mode.places();
      executions.everything(cases.list(), places);
      if (mode.needsJavaWork()) {
        executions.calibrate(cases.list(), places.getFirst());
      }
      put("cases", cases.list().size());
      filesBefore = ProcessState.openFiles();
      if (mode == Mode.LOAD) {
        watch(cases);
      } else {
        turns(cases);
      }
    }
    leftBehind(threadsBefore, filesBefore);
    report();
  }

  /**
   * Takes a sample every second, or every five seconds in a long run. Also measures memory without
   * running calls, after the warm-up and at the end.
   */
  private void watch(Cases cases) throws IOException, InterruptedException {
    try (Sampler sampler = new Sampler(safepoints, executions.counts)) {
      long period = TimeUnit.SECONDS.toNanos(seconds < 600 ? 1 : 5);
      double warmUp = Math.min(seconds / 2.0, 300);
      long begin = System.nanoTime();
      sample(cases, sampler, period, begin + (long) (warmUp * 1e9));
      AtRest warm = AtRest.now();
      sample(cases, sampler, period, begin + TimeUnit.SECONDS.toNanos(seconds));
      AtRest end = AtRest.now();
      put("resident.growth.at.rest", end.residentMib() - warm.residentMib());
      put("heap.growth.at.rest", end.heapMib() - warm.heapMib());
      Files.write(directory.resolve(Launcher.SAMPLES), sampler.csv());
      Trend trend = Trend.ofResidentMemory(sampler.samples(), warmUp);
      put("samples", sampler.samples().size());
      put("resident.mean", trend.mean());
      put("resident.growth", trend.growth());
      put("warmup", warmUp);
      put("xent", sampler.pauses(warmUp));
    }
  }

  private void sample(Cases cases, Sampler sampler, long period, long end)
      throws IOException, InterruptedException {
    Lanes lanes = new Lanes(cases, mode.places(), executions);
    lanes.start();
    // A busy machine may take so long for the first sample that the end has passed.
    long next = System.nanoTime() + period;
    for (int taken = 0; next <= end || taken < Trend.LEAST_SAMPLES; taken++, next += period) {
      TimeUnit.NANOSECONDS.sleep(Math.max(0, next - System.nanoTime()));
      sampler.sample();
    }
    lanes.end();
    executions.forget();
  }

  private void turns(Cases cases) throws IOException, InterruptedException {
    Lanes lanes = new Lanes(cases, mode.places(), executions);
    lanes.start();
    Map<Boolean, Pauses> pauses = Map.of(true, new Pauses(), false, new Pauses());
    int turns = (int) Math.max(2, seconds * 1000 / TURN_MILLIS / 2 * 2);
    try (SafepointLog log = new SafepointLog(safepoints)) {
      for (int turn = -WARM_UP_TURNS; turn < turns; turn++) {
        executions.xent = mode.callsXent(turn);
        Thread.sleep(CHANGE_MILLIS);
        log.read();
        Thread.sleep(TURN_MILLIS - CHANGE_MILLIS);
        if (turn >= 0) {
          pauses.get(executions.xent).add(log.read());
        }
      }
    }
    lanes.end();
    put("xent", pauses.get(true));
    put("java", pauses.get(false));
  }

  private void leftBehind(Set<String> threadsBefore, int filesBefore)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + PATIENCE;
    Set<String> left = new TreeSet<>();
    int files;
    do {
      Thread.sleep(500);
      System.gc();
      left.clear();
      left.addAll(ProcessState.threadNames());
      left.removeAll(threadsBefore);
      files = ProcessState.openFiles() - filesBefore;
    } while ((!left.isEmpty() || files > 0) && System.nanoTime() - deadline < 0);
    put("threads.left", left.size());
    put("threads.names", String.join(" ", left));
    put("files.left", Math.max(0, files));
  }

  private void report() throws IOException {
    Counts counts = executions.counts;
    put("runtime", XentRuntime.get());
    put("calls", counts.calls.sum());
    put("values", counts.values.sum());
    put("wrong", counts.wrong.sum());
    put("failures", counts.failures.sum());
    put("arenas", counts.arenas.sum());
    put("interrupts", counts.interrupts.sum());
    put("threads", counts.threads.sum());
    put("messages", String.join("\n", counts.messages));
    try (Writer writer = Files.newBufferedWriter(directory.resolve(Launcher.RESULTS))) {
      results.store(writer, null);
    }
  }

  private void put(String name, Object value) {
    results.setProperty(name, value.toString());
  }

  private void put(String name, Pauses pauses) {
    put(name + ".pauses", pauses.toString());
    put(name + ".collections", pauses.collections());
    put(name + ".stops", pauses.stops());
    put(name + ".longest", pauses.longest());
    put(name + ".reaching", pauses.longestReaching());
  }
}
