// SPDX-License-Identifier: Apache-2.0
package dev.xent.load;

import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * A constant number of threads, each making one call after another. From time to time a thread ends
 * and another one replaces it, as in a service.
 */
final class Lanes {
  private static final int VIRTUAL = 64;
  private static final int PLATFORM = 16;
  private static final int CALLS_OF_A_THREAD = 100;
  private static final int KEPT_OBJECTS = 1 << 13;
  private static final int OBJECTS_OF_A_CALL = 1000;
  private static final int MOST_BYTES_OF_AN_OBJECT = 1 << 10;

  /** An interrupted thread makes one of this number of calls. */
  private static final int INTERRUPTED = 64;

  private final Cases cases;
  private final List<Place> places;
  private final Executions executions;
  private final CountDownLatch running = new CountDownLatch(VIRTUAL + PLATFORM);
  private final AtomicReferenceArray<Object> kept = new AtomicReferenceArray<>(KEPT_OBJECTS);
  private volatile boolean ending;

  Lanes(Cases cases, List<Place> places, Executions executions) {
    this.cases = cases;
    this.places = places;
    this.executions = executions;
  }

  void start() {
    SplittableRandom seeds = new SplittableRandom(7);
    for (int i = 0; i < VIRTUAL + PLATFORM; i++) {
      next(i, seeds.split());
    }
  }

  /** Ends all threads after their current call. */
  void end() throws InterruptedException {
    ending = true;
    running.await();
  }

  private void next(int lane, SplittableRandom random) {
    Thread.Builder builder =
        lane < VIRTUAL ? Thread.ofVirtual() : Thread.ofPlatform().name("lane-" + lane);
    builder.start(() -> run(lane, random));
    executions.counts.threads.increment();
  }

  private void run(int lane, SplittableRandom random) {
    for (int i = 0; i < CALLS_OF_A_THREAD && !ending; i++) {
      one(random);
    }
    if (ending) {
      running.countDown();
    } else {
      next(lane, random);
    }
  }

  private void one(SplittableRandom random) {
    makeObjects(random);
    Case what = cases.any(random);
    Place place = places.get(random.nextInt(places.size()));
    if (what.bytes > place.most) {
      place = Place.SHARED;
    }
    Helpers.Kind helpers = Helpers.Kind.values()[random.nextInt(Helpers.Kind.values().length)];
    executions.run(what, helpers, place, random.nextInt(INTERRUPTED) == 0);
  }

  /** Creates the objects of a service around a call: most die young, some live for a while. */
  private void makeObjects(SplittableRandom random) {
    for (int i = 0; i < OBJECTS_OF_A_CALL; i++) {
      byte[] object = new byte[random.nextInt(MOST_BYTES_OF_AN_OBJECT)];
      kept.setPlain(random.nextInt(KEPT_OBJECTS), object);
    }
  }
}
