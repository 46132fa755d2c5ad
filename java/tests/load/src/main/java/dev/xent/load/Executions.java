// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import dev.xent.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Semaphore;

/** Makes calls, each in separate memory, and compares all its operands and results. */
final class Executions {
  /** The memory limit of all calls at once, in kilobytes. */
  private static final int MOST_KILOBYTES = 384 << 10;

  /**
   * Whether to call Xent; otherwise plain Java works for the same time and writes the expected
   * results.
   */
  volatile boolean xent = true;

  final Counts counts = new Counts();

  private final Semaphore kilobytes = new Semaphore(MOST_KILOBYTES, true);
  private final LargeArrays arrays = new LargeArrays();
  private final Path directory;

  Executions(Path directory) {
    this.directory = directory;
  }

  /**
   * Makes one call.
   *
   * @param interrupted whether to interrupt the thread before the call, which must not change
   *     results
   */
  void run(Case what, Helpers.Kind helpers, Place place, boolean interrupted) {
    int needed = (int) (what.bytes >> 10) + 1;
    kilobytes.acquireUninterruptibly(needed);
    try (Room room = new Room(place, arrays, directory)) {
      counts.arenas.increment();
      Tensor[] tensors = tensors(what, room);
      Thread.yield();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
      boolean calling = xent;
      double loss = calling ? what.step(helpers).run(tensors, room.arena()) : inJava(what, tensors);
      if (interrupted) {
        counts.interrupts.increment();
        if (!Thread.interrupted()) {
          fail(what, helpers, place, "an interrupt was lost");
        }
      }
      Thread.yield();
      long values = compare(what, helpers, place, tensors, loss);
      if (calling) {
        counts.values.add(values);
        counts.calls.increment();
      }
    } catch (RuntimeException | Error e) {
      fail(what, helpers, place, e.toString());
    } finally {
      kilobytes.release(needed);
    }
  }

  /** Frees the arrays kept for further calls, which have the peak size of all calls at once. */
  void forget() {
    arrays.clear();
  }

  private static Tensor[] tensors(Case what, Room room) {
    List<Operand> operands = what.operands;
    Tensor[] tensors = new Tensor[operands.size()];
    for (int i = 0; i < tensors.length; i++) {
      tensors[i] = operands.get(i).tensor(room.take(operands.get(i)));
    }
    return tensors;
  }

  private static double inJava(Case what, Tensor[] tensors) {
    JavaWork.run(what.javaWork);
    for (int i = 0; i < tensors.length; i++) {
      if (what.operands.get(i).written()) {
        Bytes.copy(what.expected[i], tensors[i].segment());
      }
    }
    return what.loss;
  }

  /** Compares all operands and results of a call; returns the number of values. */
  private long compare(
      Case what, Helpers.Kind helpers, Place place, Tensor[] tensors, double loss) {
    long wrong = Double.doubleToRawLongBits(loss) == Double.doubleToRawLongBits(what.loss) ? 0 : 1;
    long values = 1;
    for (int i = 0; i < tensors.length; i++) {
      MemorySegment found = tensors[i].segment();
      wrong += Bytes.differences(what.expected[i], found, tensors[i].type().byteSize());
      values += tensors[i].elements();
    }
    if (wrong > 0) {
      counts.wrong.add(wrong);
      counts.say(
          String.format(
              Locale.ROOT, "%s, %s, %s: %d values differ", what.name, helpers, place, wrong));
    }
    return values;
  }

  private void fail(Case what, Helpers.Kind helpers, Place place, String message) {
    counts.failures.increment();
    counts.say(String.format(Locale.ROOT, "%s, %s, %s: %s", what.name, helpers, place, message));
  }

  /** Runs every case with every kind of memory on this thread, which also compiles all code. */
  void everything(List<Case> cases, List<Place> places) {
    for (Case each : cases) {
      for (Place place : places) {
        for (Helpers.Kind helpers : Helpers.Kind.values()) {
          if (each.bytes <= place.most) {
            run(each, helpers, place, false);
          }
        }
      }
    }
  }

  /** Measures the duration of each case, and sets the work in Java with the same duration. */
  void calibrate(List<Case> cases, Place place) {
    double unitsPerNanosecond = JavaWork.unitsPerNanosecond();
    for (Case each : cases) {
      long with = time(each, place, true);
      each.javaWork = 0;
      long without = time(each, place, false);
      each.javaWork = Math.max(0, (long) ((with - without) * unitsPerNanosecond));
    }
    xent = true;
  }

  private long time(Case what, Place place, boolean calling) {
    xent = calling;
    long best = Long.MAX_VALUE;
    for (int round = 0; round < 5; round++) {
      long begin = System.nanoTime();
      run(what, Helpers.Kind.ALONE, place, false);
      best = Math.min(best, System.nanoTime() - begin);
    }
    return best;
  }
}
