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

  private void help(int share) {
    came.incrementAndGet();
    onArrival.run();
    work(share);
  }

  private void open(int helpers, long count, long least, long most, long step) {
    job.divide(count, least, most, step);
    job.open(helpers);
  }

  private void work(int share) {
    for (long begin; (begin = job.claim(share)) != Job.NONE; ) {
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
    List<Thread> helpers = new ArrayList<>();
    for (int round = 1; round <= rounds; round++) {
      open(3, COUNT, 1 + round % 7, 500, 1 + round % 5);
      for (int i = 0; i < 4; i++) {
        helpers.add(Thread.ofPlatform().start(job.invitation(i)));
      }
      work(0);
      job.close();
      assertEachDone(round);
    }
    for (Thread helper : helpers) {
      helper.join();
    }
    assertEachDone(rounds);
  }

  @Test
  void claimsHalveTheOwnShareWithinTheirBoundsAndThenTheOthers() {
    open(1, 1000, 10, 200, 1);
    List<Long> begins = new ArrayList<>();
    for (long begin; (begin = job.claim(1)) != Job.NONE; ) {
      begins.add(begin);
    }
    job.close();
    assertThat(begins)
        .containsExactly(
            500L, 700L, 850L, 925L, 987L, //
            0L, 200L, 350L, 425L, 487L);
    assertThat(job.end(987)).isEqualTo(1000);
  }

  @Test
  void claimsEndAtSteps() {
    open(2, 1003, 5, 100, 16);
    for (long begin; (begin = job.claim(0)) != Job.NONE; ) {
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
    open(2, COUNT, 1, COUNT, 1);
    Thread one = Thread.ofPlatform().start(job.invitation(0));
    Thread two = Thread.ofPlatform().start(job.invitation(0));
    inside.await();
    assertThat(job.help(0)).isFalse();
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
    open(2, COUNT, 1, COUNT, 1);
    Runnable invitation = job.invitation(0);
    work(0);
    job.close();
    invitation.run();
    assertThat(job.help(0)).isFalse();
    open(2, COUNT, 1, COUNT, 1);
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
    open(1, COUNT, 1, COUNT, 1);
    Thread helper = Thread.ofPlatform().start(job.invitation(0));
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
    open(1, 100, 1, 10, 1);
    long first = job.claim(0);
    long second = job.claim(0);
    long third = job.claim(0);
    job.fail(second, new IllegalStateException("second"));
    assertThat(job.isInVain(first)).isFalse();
    assertThat(job.isInVain(second)).isFalse();
    assertThat(job.isInVain(third)).isTrue();
    assertThat(job.claim(0)).isEqualTo(Job.NONE);
    job.fail(third, new IllegalStateException("third"));
    job.fail(first, new ArithmeticException("first"));
    job.close();
    assertThatThrownBy(job::throwFailure).isInstanceOf(ArithmeticException.class);
    job.throwFailure();
  }

  @Test
  void onlyWhatFollowsAFailureIsNotClaimed() {
    open(1, 100, 1, 100, 1);
    long upper = job.claim(1);
    assertThat(upper).isEqualTo(50);
    job.fail(upper, new IllegalStateException("upper"));
    assertThat(job.hasWork()).isTrue();
    assertThat(job.claim(1)).isEqualTo(0);
    job.fail(0, new ArithmeticException("lower"));
    assertThat(job.hasWork()).isFalse();
    assertThat(job.claim(0)).isEqualTo(Job.NONE);
    job.close();
    assertThatThrownBy(job::throwFailure).isInstanceOf(ArithmeticException.class);
  }

  @Test
  void theTraceOfAHelpersFailureEndsAtTheCaller() throws InterruptedException {
    onArrival = () -> job.fail(job.claim(0), new IllegalStateException("on the helper"));
    open(1, 100, 1, 10, 1);
    Thread.ofPlatform().start(job.invitation(0)).join();
    job.close();
    assertThatThrownBy(job::throwFailure)
        .satisfies(
            thrown ->
                assertThat(thrown.getStackTrace())
                    .extracting(StackTraceElement::getMethodName)
                    .contains("help", "theTraceOfAHelpersFailureEndsAtTheCaller"));
  }
}
