// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.parallel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class JobTest {
  private static final int COUNT = 10_007;

  private final AtomicIntegerArray done = new AtomicIntegerArray(COUNT);
  private final AtomicInteger came = new AtomicInteger();
  private Runnable onArrival = () -> {};
  private final Job job = new Job(this::help);

  private void help() {
    came.incrementAndGet();
    onArrival.run();
    work();
  }

  private void work() {
    for (long begin; (begin = job.claim()) != Job.NONE; ) {
      for (long i = begin; i < job.end(begin); i++) {
        done.incrementAndGet((int) i);
      }
    }
  }

  private void assertEachDone(int times) {
    for (int i = 0; i < COUNT; i++) {
      assertThat(done.get(i)).as("number %d", i).isEqualTo(times);
    }
  }

  @Test
  void everyNumberIsDoneOnceWhateverTheTiming() throws InterruptedException {
    int rounds = 300;
    Runnable[] invitation = new Runnable[1];
    List<Thread> helpers = new ArrayList<>();
    for (int round = 1; round <= rounds; round++) {
      job.open(3, COUNT, 1 + round % 7, 500, 1 + round % 5);
      invitation[0] = job.invitation();
      for (int i = 0; i < 4; i++) {
        helpers.add(Thread.ofPlatform().start(invitation[0]));
      }
      work();
      job.close();
      assertEachDone(round);
    }
    for (Thread helper : helpers) {
      helper.join();
    }
    assertEachDone(rounds);
  }

  @Test
  void claimsGetSmallerWithinTheirBounds() {
    job.open(1, 1000, 10, 200, 1);
    List<Long> sizes = new ArrayList<>();
    for (long begin; (begin = job.claim()) != Job.NONE; ) {
      sizes.add(job.end(begin) - begin);
    }
    job.close();
    assertThat(sizes.getFirst()).isEqualTo(200);
    assertThat(sizes).isSortedAccordingTo((a, b) -> Long.compare(b, a));
    assertThat(sizes.subList(0, sizes.size() - 1)).allMatch(size -> size >= 10);
    assertThat(sizes.stream().mapToLong(Long::longValue).sum()).isEqualTo(1000);
  }

  @Test
  void claimsEndAtSteps() {
    job.open(2, 1003, 5, 100, 16);
    for (long begin; (begin = job.claim()) != Job.NONE; ) {
      assertThat(begin % 16).isZero();
    }
    job.close();
  }

  @Test
  void noMoreHelpersThanWanted() throws InterruptedException {
    CountDownLatch inside = new CountDownLatch(2);
    CountDownLatch go = new CountDownLatch(1);
    onArrival =
        () -> {
          inside.countDown();
          await(go);
        };
    job.open(2, COUNT, 1, COUNT, 1);
    Thread one = Thread.ofPlatform().start(job.invitation());
    Thread two = Thread.ofPlatform().start(job.invitation());
    inside.await();
    assertThat(job.help()).isFalse();
    go.countDown();
    one.join();
    two.join();
    job.close();
    assertThat(came).hasValue(2);
    assertEachDone(1);
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void whoComesLateDoesNotGetIn() {
    job.open(2, COUNT, 1, COUNT, 1);
    Runnable invitation = job.invitation();
    work();
    job.close();
    invitation.run();
    assertThat(job.help()).isFalse();
    job.open(2, COUNT, 1, COUNT, 1);
    invitation.run();
    assertThat(came).hasValue(0);
    job.close();
  }

  @Test
  void closingWaitsForThoseInsideThroughInterrupts() throws InterruptedException {
    CountDownLatch inside = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    onArrival =
        () -> {
          inside.countDown();
          await(go);
        };
    job.open(1, COUNT, 1, COUNT, 1);
    Thread helper = Thread.ofPlatform().start(job.invitation());
    inside.await();
    AtomicInteger closed = new AtomicInteger();
    Thread caller =
        Thread.ofPlatform()
            .start(
                () -> {
                  Thread.currentThread().interrupt();
                  job.close();
                  closed.set(Thread.interrupted() ? 1 : 2);
                });
    caller.join(50);
    assertThat(closed).hasValue(0);
    go.countDown();
    caller.join();
    helper.join();
    assertThat(closed).hasValue(1);
    assertEachDone(1);
  }

  @Test
  void whatFailedAtTheLowestNumberIsThrown() {
    job.open(1, 100, 1, 10, 1);
    long first = job.claim();
    long second = job.claim();
    long third = job.claim();
    job.fail(second, new IllegalStateException("second"));
    assertThat(job.isInVain(first)).isFalse();
    assertThat(job.isInVain(second)).isFalse();
    assertThat(job.isInVain(third)).isTrue();
    assertThat(job.claim()).isEqualTo(Job.NONE);
    job.fail(third, new IllegalStateException("third"));
    job.fail(first, new ArithmeticException("first"));
    job.close();
    assertThatThrownBy(job::throwFailure).isInstanceOf(ArithmeticException.class);
    job.throwFailure();
  }

  @Test
  void theTraceOfAHelpersFailureEndsAtTheCaller() throws InterruptedException {
    onArrival = () -> job.fail(job.claim(), new IllegalStateException("on the helper"));
    job.open(1, 100, 1, 10, 1);
    Thread.ofPlatform().start(job.invitation()).join();
    job.close();
    assertThatThrownBy(job::throwFailure)
        .satisfies(
            thrown ->
                assertThat(thrown.getStackTrace())
                    .extracting(StackTraceElement::getMethodName)
                    .contains("help", "theTraceOfAHelpersFailureEndsAtTheCaller"));
  }
}
