// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.parallel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Up to 256 threads, simulated on one: wake-ups and claims are counted. A worker is inside its job
 * while those that were woken meanwhile run.
 */
class PoolTest {
  private static final long PER_THREAD = 1000;

  private final Queue<Worker> woken = new ArrayDeque<>();
  private final List<Integer> wakeUps = new ArrayList<>();
  private final List<Integer> shares = new ArrayList<>();
  private int wakeUpsNow;

  private final Pool pool =
      new Pool() {
        @Override
        void run(Worker worker) {
          woken.add(worker);
          wakeUpsNow++;
        }
      };

  private final Job job = new Job(this::help);

  private void open(Job opened, int helpers) {
    opened.divide(PER_THREAD * (helpers + 1), 1, PER_THREAD, 1);
    pool.open(opened, helpers);
    endWakeUps();
  }

  private void endWakeUps() {
    wakeUps.add(wakeUpsNow);
    wakeUpsNow = 0;
  }

  private void runWoken() {
    while (!woken.isEmpty()) {
      woken.remove().run();
    }
  }

  private void help(int share) {
    endWakeUps();
    shares.add(share);
    runWoken();
    claimAll(job, share);
  }

  private static int claimAll(Job of, int share) {
    int claims = 0;
    while (of.claim(share) != Job.NONE) {
      claims++;
    }
    return claims;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5, 7, 15, 31, 63, 255})
  void eachIsWokenOnceAndNoneWakesMoreThanFour(int helpers) {
    open(job, helpers);
    runWoken();
    pool.close(job);
    assertThat(wakeUps).hasSize(helpers + 1).allMatch(count -> count <= 4);
    assertThat(wakeUps.stream().mapToInt(Integer::intValue).sum()).isEqualTo(helpers);
    assertThat(shares)
        .containsExactlyInAnyOrderElementsOf(IntStream.rangeClosed(1, helpers).boxed().toList());
  }

  @Test
  void noneIsWokenForWorkThatIsDone() {
    open(job, 63);
    claimAll(job, 0);
    runWoken();
    assertThat(wakeUps).containsExactly(4);
    assertThat(wakeUpsNow).isZero();
    pool.close(job);
  }

  @Test
  void threadsOfOtherCallsAreNotAvailable() {
    Job other = new Job(share -> {});
    open(job, 2);
    open(other, 2);
    Job third = new Job(share -> {});
    open(third, 2);
    assertThat(wakeUps).containsExactly(2, 0, 0);
    assertThat(claimAll(third, 0)).as("claims of whoever is alone").isEqualTo(3);
    pool.close(job);
    pool.close(other);
    pool.close(third);
    open(third, 2);
    assertThat(claimAll(third, 0)).isGreaterThan(3);
    pool.close(third);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 4, 16, 64})
  void equallyFastThreadsKeepToTheirShares(int threads) {
    job.divide(PER_THREAD * threads, 10, PER_THREAD, 1);
    job.open(threads - 1);
    int claims = 0;
    for (boolean left = true; left; ) {
      left = false;
      for (int thread = 0; thread < threads; thread++) {
        long begin = job.claim(thread);
        if (begin != Job.NONE) {
          assertThat(begin / PER_THREAD).isEqualTo(thread);
          claims++;
          left = true;
        }
      }
    }
    job.close();
    assertThat(claims).isEqualTo(threads * 4);
  }
}
