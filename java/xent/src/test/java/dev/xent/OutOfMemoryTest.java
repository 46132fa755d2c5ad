// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.lang.ref.Reference;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Objects that grow, in a JVM whose off-heap memory ends at each of their allocations once: after
 * an OutOfMemoryError they are as before, and work again when there is memory.
 */
@Tag("slow")
class OutOfMemoryTest {
  private static final long LIMIT = 8 << 20;

  @Test
  void anObjectThatCannotGrowStaysAsItWas() throws Exception {
    Process child =
        new ProcessBuilder(
                ChildJvm.command(
                    List.of(), List.of("-XX:MaxDirectMemorySize=" + LIMIT), Starved.class, "run"))
            .redirectErrorStream(true)
            .start();
    String output = new String(child.getInputStream().readAllBytes());
    assertThat(child.waitFor(5, TimeUnit.MINUTES)).isTrue();
    assertThat(child.exitValue()).as(output).isZero();
    assertThat(output.lines().filter(line -> line.endsWith(" errors, then as before")))
        .as(output)
        .hasSize(5);
  }

  /** The program of the JVM with little memory. */
  static final class Starved {
    /** More than the memory of any one step, in steps that are smaller than each allocation. */
    private static final int MOST = 4000;

    private static final int STEP = 800;

    private static final int CLASSES = 300;

    private interface Text {
      int next(int step);
    }

    private interface Maker {
      Text make();
    }

    private Starved() {}

    private static float[] logits(int step) {
      float[] logits = new float[CLASSES];
      for (int i = 0; i < CLASSES; i++) {
        logits[i] = (i * 31 + step * 7) % 53 * 0.1f;
      }
      return logits;
    }

    private static Maker cursor(Sampler.Builder options) {
      Sampler sampler = options.seed(1).build();
      return () -> {
        SamplerCursor cursor = sampler.start();
        return step -> cursor.next(logits(step));
      };
    }

    /** Prompts of growing length. */
    private static Maker prompts() {
      Sampler sampler = Sampler.builder().repetitionPenalty(1.5).noRepeatNgram(2).seed(1).build();
      return () -> {
        SamplerCursor cursor = sampler.start();
        return step -> {
          int[] prompt = new int[3 * step];
          for (int i = 0; i < prompt.length; i++) {
            prompt[i] = i * i % CLASSES;
          }
          cursor.promptTokens(prompt);
          return cursor.next(logits(step));
        };
      };
    }

    private static Maker requests() {
      Sampler sampler = Sampler.builder().seed(1).build();
      return () -> {
        SamplerRequests requests = SamplerRequests.create();
        return step -> {
          requests.add(sampler, step, step);
          return requests.size() + requests.toString().hashCode();
        };
      };
    }

    private static long used() {
      return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
          .filter(pool -> pool.getName().equals("direct"))
          .findAny()
          .orElseThrow()
          .getTotalCapacity();
    }

    /** Waits until the memory of unreachable objects is free. */
    private static void collect() {
      for (long before = -1; used() != before; ) {
        before = used();
        System.gc();
        sleep();
      }
    }

    private static void sleep() {
      try {
        Thread.sleep(20);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }

    /** Runs both texts, one of them with an error in its 65th step or the next two. */
    private static boolean failsOnce(Maker maker, int left) {
      Text text = maker.make();
      Text same = maker.make();
      int full = 64;
      for (int step = 0; step < full; step++) {
        require(text.next(step) == same.next(step), "before");
      }
      collect();
      // Only memory of automatic arenas counts.
      MemorySegment taken = Arena.ofAuto().allocate(LIMIT - used() - left, 1);
      boolean failed = false;
      int[] tokens = new int[3];
      int drawn = 0;
      try {
        for (; drawn < tokens.length; drawn++) {
          tokens[drawn] = text.next(full + drawn);
        }
      } catch (OutOfMemoryError e) {
        failed = true;
      }
      Reference.reachabilityFence(taken);
      taken = MemorySegment.NULL;
      collect();
      for (int i = 0; i < drawn; i++) {
        require(tokens[i] == same.next(full++), "with little memory");
      }
      for (int step = full; step < full + 80; step++) {
        require(text.next(step) == same.next(step), "after the error, step " + step);
      }
      return failed;
    }

    private static void require(boolean holds, String where) {
      if (!holds) {
        throw new AssertionError("other results " + where);
      }
    }

    private static void check(String name, Maker maker) {
      int errors = 0;
      for (int left = 0; left < MOST; left += STEP) {
        try {
          errors += failsOnce(maker, left) ? 1 : 0;
        } catch (RuntimeException | AssertionError e) {
          System.out.println(name + " with " + left + " bytes left: " + e);
          e.printStackTrace();
          System.exit(1);
        }
      }
      System.out.println(
          name + ": " + errors + (errors == 0 ? " errors" : " errors, then as before"));
    }

    public static void main(String[] arguments) {
      check("penalties", cursor(Sampler.builder().frequencyPenalty(0.5)));
      check("n-grams", cursor(Sampler.builder().noRepeatNgram(1).temperature(0)));
      check(
          "DRY", cursor(Sampler.builder().dryMultiplier(1).dryAllowedLength(1).presencePenalty(1)));
      check("prompts", prompts());
      check("requests", requests());
    }
  }
}
