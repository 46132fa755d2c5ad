// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.MemorySegment.NULL;
import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.XentRuntime;
import dev.xent.internal.ffi.xent_exact_sum;
import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.load.Backends;
import dev.xent.internal.load.Codes;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The classes of rows are divided at any chunk boundaries, into class ranges of one tensor or into
 * shards with their own arrays, in any order. The combined states have the bits of the whole call,
 * in losses, log-sum-exps, correct rows, sums, gradients and probabilities, also if the states come
 * from several instruction sets.
 *
 * <p>{@code -Dxent.long=true} (profile {@code long}): three times the splits.
 */
@Tag("slow")
@Execution(ExecutionMode.CONCURRENT)
class SplitsTest {
  private static final int CHUNK = 8192;
  private static final int SPLITS = Boolean.getBoolean("xent.long") ? 60 : 20;
  private static final int ROWS = 2;

  private final TiersInTurn tiers = new TiersInTurn();
  private final Map<String, String> differences = new LinkedHashMap<>();
  private long compared;

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void everySplitGivesTheBitsOfTheWhole(boolean wide) {
    for (int split = 0; split < SPLITS; split++) {
      SplittableRandom random = new SplittableRandom(1000 + split);
      int classes = CHUNK + 1 + random.nextInt(7 * CHUNK);
      RowKind kind = RowKind.values()[split % RowKind.values().length];
      try (Arena arena = Arena.ofConfined()) {
        GeneralCase c = new GeneralCase(arena, wide, ROWS, classes, kind, true, random);
        List<Part> parts = parts(c, random);
        compare(arena, Backends.get().kernels(Backend.REFERENCE), 0, c, parts);
        for (Isa isa : tiers.next()) {
          compare(arena, Backends.get().kernels(Backend.NATIVE), Codes.of(isa), c, parts);
        }
      }
    }
    System.out.printf(
        "%s arithmetic, %d splits: %,d bytes compared, %d results differ%n",
        wide ? "float64" : "float32", SPLITS, compared, differences.size());
    assertThat(differences).isEmpty();
    assertThat(compared).isPositive();
  }

  /** Classes [begin, end), as a shard with its own arrays or as a range of the tensor. */
  private record Part(long begin, long end, boolean shard) {
    int size() {
      return (int) (end - begin);
    }
  }

  private static List<Part> parts(GeneralCase c, SplittableRandom random) {
    boolean shareIsKnown = c.labels() || !c.hasTargets() || c.classMask == NULL;
    List<Part> parts = new ArrayList<>();
    long begin = 0;
    for (long at = CHUNK; begin < c.classes; at += CHUNK) {
      long end = Math.min(at, c.classes);
      if (end == c.classes || random.nextBoolean()) {
        parts.add(new Part(begin, end, shareIsKnown && random.nextBoolean()));
        begin = end;
      }
    }
    Collections.shuffle(parts, new Random(random.nextLong()));
    return parts;
  }

  private void compare(Arena arena, Kernels kernels, int isa, GeneralCase c, List<Part> parts) {
    MemorySegment options = arena.allocate(xent_options.layout()).copyFrom(c.options);
    xent_options.isa(options, isa);
    Run run = new Run(arena, kernels, c, options);
    Map<String, MemorySegment> whole = run.whole();
    Map<String, MemorySegment> divided = run.divided(parts);
    whole.forEach(
        (name, bits) -> {
          compared += bits.byteSize();
          long at = bits.mismatch(divided.get(name));
          if (at >= 0) {
            differences.putIfAbsent(name, c + " isa " + isa + " " + parts + " byte " + at);
          }
        });
  }

  /** One case on one implementation. */
  private record Run(Arena arena, Kernels kernels, GeneralCase c, MemorySegment options) {

    Map<String, MemorySegment> whole() {
      Map<String, MemorySegment> out = outputs();
      lawful(
          kernels.run(
              KernelRun.onClasses(Function.SOFTMAX, c.shape, options, 0, ROWS, 0, c.classes, NULL)
                  .set(Array.LOGITS, c.logits)
                  .set(Array.OUTPUT, out.get("softmax"))
                  .set(Array.CLASS_MASK, c.classMask)
                  .set(Array.SINK, c.sink)));
      lawful(
          kernels.run(
              KernelRun.onClasses(
                      Function.LOG_SOFTMAX, c.shape, options, 0, ROWS, 0, c.classes, NULL)
                  .set(Array.LOGITS, c.logits)
                  .set(Array.OUTPUT, out.get("log-softmax"))
                  .set(Array.CLASS_MASK, c.classMask)
                  .set(Array.SINK, c.sink)));
      if (c.hasTargets()) {
        lawful(
            kernels.run(
                KernelRun.onRows(Function.CROSS_ENTROPY, c.shape, options, 0, ROWS, NULL)
                    .set(Array.LOGITS, c.logits)
                    .set(Array.TARGETS, c.targets)
                    .set(Array.LOSSES, out.get("losses"))
                    .set(Array.LOG_SUM_EXP, out.get("log-sum-exp"))
                    .set(Array.CORRECT, out.getOrDefault("correct", NULL))
                    .set(Array.GRADIENT, out.get("gradient"))
                    .set(Array.TARGET_WEIGHTS, c.targetWeights)
                    .set(Array.CLASS_MASK, c.classMask)
                    .set(Array.CLASS_WEIGHTS, c.classWeights)
                    .set(Array.ROW_WEIGHTS, c.rowWeights)
                    .set(Array.SINK, c.sink)
                    .set(Array.EXACT_SUM, out.get("exact_sum"))));
      }
      return out;
    }

    Map<String, MemorySegment> divided(List<Part> parts) {
      Map<String, MemorySegment> out = outputs();
      MemorySegment known = finish(parts, false, out);
      for (Part part : parts) {
        CallShape shape = shape(part);
        long begin = part.shard ? 0 : part.begin;
        MemorySegment x = slice(part, c.logits, c.shape.layout(Array.LOGITS));
        MemorySegment mask = slice(part, c.classMask, c.shape.layout(Array.CLASS_MASK));
        MemorySegment layout = c.shape.layout(Array.OUTPUT);
        lawful(
            kernels.run(
                KernelRun.onClasses(
                        Function.SOFTMAX, shape, options, 0, ROWS, begin, begin + part.size(), NULL)
                    .set(Array.LOGITS, x)
                    .set(Array.OUTPUT, slice(part, out.get("softmax"), layout))
                    .set(Array.CLASS_MASK, mask)
                    .set(Array.SINK, c.sink)
                    .set(Array.STATISTICS, known)));
        lawful(
            kernels.run(
                KernelRun.onClasses(
                        Function.LOG_SOFTMAX,
                        shape,
                        options,
                        0,
                        ROWS,
                        begin,
                        begin + part.size(),
                        NULL)
                    .set(Array.LOGITS, x)
                    .set(Array.OUTPUT, slice(part, out.get("log-softmax"), layout))
                    .set(Array.CLASS_MASK, mask)
                    .set(Array.SINK, c.sink)
                    .set(Array.STATISTICS, known)));
      }
      if (!c.hasTargets()) {
        return out;
      }
      MemorySegment statistics = finish(parts, true, out);
      for (Part part : parts) {
        long begin = part.shard ? 0 : part.begin;
        lawful(
            kernels.run(
                KernelRun.onClasses(
                        Function.CROSS_ENTROPY_BACKWARD,
                        shape(part),
                        options,
                        0,
                        ROWS,
                        begin,
                        begin + part.size(),
                        NULL)
                    .set(Array.LOGITS, slice(part, c.logits, c.shape.layout(Array.LOGITS)))
                    .set(Array.TARGETS, targets(part))
                    .set(
                        Array.GRADIENT,
                        slice(part, out.get("gradient"), c.shape.layout(Array.GRADIENT)))
                    .set(Array.TARGET_WEIGHTS, c.targetWeights)
                    .set(
                        Array.CLASS_MASK,
                        slice(part, c.classMask, c.shape.layout(Array.CLASS_MASK)))
                    .set(
                        Array.CLASS_WEIGHTS,
                        slice(part, c.classWeights, c.shape.layout(Array.CLASS_WEIGHTS)))
                    .set(Array.ROW_WEIGHTS, c.rowWeights)
                    .set(Array.STATISTICS, statistics)));
      }
      return out;
    }

    private Map<String, MemorySegment> outputs() {
      Map<String, MemorySegment> out = new LinkedHashMap<>();
      out.put("softmax", allocate(c.shape.layout(Array.OUTPUT), true));
      out.put("log-softmax", allocate(c.shape.layout(Array.OUTPUT), true));
      if (c.hasTargets()) {
        out.put("losses", allocate(c.shape.layout(Array.LOSSES), false));
        out.put("log-sum-exp", allocate(c.shape.layout(Array.LOG_SUM_EXP), false));
        out.put("gradient", allocate(c.shape.layout(Array.GRADIENT), true));
        MemorySegment exactSum = arena.allocate(xent_exact_sum.layout());
        xent_exact_sum.size(exactSum, xent_exact_sum.sizeof());
        out.put("exact_sum", exactSum);
        if (c.labels()) {
          out.put("correct", allocate(c.shape.layout(Array.CORRECT), false));
        }
      }
      return out;
    }

    private MemorySegment allocate(MemorySegment layout, boolean perClass) {
      long count = perClass ? c.elements(layout) : c.elementsOfRows(layout, 1);
      return arena.allocate(count * GeneralCase.size(xent_layout.type(layout)), 64);
    }

    private static void lawful(int status) {
      assertThat(status).isEqualTo(Status.OK);
    }

    private CallShape shape(Part part) {
      if (!part.shard) {
        return c.shape;
      }
      CallShape shape = new CallShape().copyFrom(c.shape);
      shape.classes = part.size();
      shape.firstClass = part.begin;
      shape.allClasses = c.classes;
      shape.topCount = 0;
      return shape;
    }

    /** A shard's arrays begin with its first class. */
    private static MemorySegment slice(Part part, MemorySegment array, MemorySegment layout) {
      if (!part.shard || array == NULL) {
        return array;
      }
      int size = GeneralCase.size(xent_layout.type(layout));
      return array.asSlice(part.begin * xent_layout.classes(layout) * size);
    }

    private MemorySegment targets(Part part) {
      return c.targetKind == GeneralCase.Targets.PROBABILITIES
          ? slice(part, c.targets, c.shape.layout(Array.TARGETS))
          : c.targets;
    }

    /** Computes the states of all parts, each in its own memory, then finishes the rows. */
    private MemorySegment finish(List<Part> parts, boolean loss, Map<String, MemorySegment> out) {
      MemorySegment statistics = arena.allocate(ROWS * Records.STATISTICS, 8);
      MemorySegment states = arena.allocate(ROWS * c.chunks() * Records.STATE, 8);
      for (int round = 0; round < 2; round++) {
        for (Part part : parts) {
          states(part, loss, round == 0 ? NULL : statistics, states);
        }
        MemorySegment report = arena.allocate(xent_report.layout());
        xent_report.size(report, xent_report.sizeof());
        lawful(
            kernels.run(
                KernelRun.onRows(Function.FINISH, c.shape, options, 0, ROWS, report)
                    .set(Array.TARGETS, loss ? c.targets : NULL)
                    .set(Array.LOSSES, loss ? out.get("losses") : NULL)
                    .set(Array.LOG_SUM_EXP, loss ? out.get("log-sum-exp") : NULL)
                    .set(Array.CORRECT, loss ? out.getOrDefault("correct", NULL) : NULL)
                    .set(Array.CLASS_WEIGHTS, loss ? c.classWeights : NULL)
                    .set(Array.ROW_WEIGHTS, loss ? c.rowWeights : NULL)
                    .set(Array.SINK, c.sink)
                    .set(Array.STATES, states)
                    .set(Array.STATISTICS, statistics)
                    .set(Array.EXACT_SUM, loss ? out.get("exact_sum") : NULL)
                    .choice(round)));
        if (xent_report.unfinished(report) == 0) {
          break;
        }
      }
      return statistics;
    }

    private void states(Part part, boolean loss, MemorySegment known, MemorySegment into) {
      long chunks = part.shard ? (part.size() + CHUNK - 1) / CHUNK : c.chunks();
      long begin = part.shard ? 0 : part.begin;
      MemorySegment own = arena.allocate(ROWS * chunks * Records.STATE, 8);
      own.fill((byte) 0x55);
      lawful(
          kernels.run(
              KernelRun.onClasses(
                      Function.FORWARD_STATES,
                      shape(part),
                      optionsOf(part),
                      0,
                      ROWS,
                      begin,
                      begin + part.size(),
                      NULL)
                  .set(Array.LOGITS, slice(part, c.logits, c.shape.layout(Array.LOGITS)))
                  .set(Array.TARGETS, loss ? targets(part) : NULL)
                  .set(Array.CLASS_MASK, slice(part, c.classMask, c.shape.layout(Array.CLASS_MASK)))
                  .set(Array.TARGET_WEIGHTS, loss ? c.targetWeights : NULL)
                  .set(
                      Array.CLASS_WEIGHTS,
                      loss
                          ? slice(part, c.classWeights, c.shape.layout(Array.CLASS_WEIGHTS))
                          : NULL)
                  .set(Array.STATISTICS, known)
                  .set(Array.STATES, own)));
      long count = (part.size() + CHUNK - 1) / CHUNK;
      for (int r = 0; r < ROWS; r++) {
        for (long i = 0; i < count; i++) {
          MemorySegment state =
              own.asSlice((r * chunks + begin / CHUNK + i) * Records.STATE, Records.STATE);
          if (isWritten(state)) {
            into.asSlice((r * c.chunks() + part.begin / CHUNK + i) * Records.STATE, Records.STATE)
                .copyFrom(state);
          }
        }
      }
    }

    /** Another instruction set for each part, as if it ran on machines of several kinds. */
    private MemorySegment optionsOf(Part part) {
      if (xent_options.isa(options) == 0) {
        return options;
      }
      List<Isa> all = XentRuntime.get().availableIsas();
      MemorySegment own = arena.allocate(xent_options.layout()).copyFrom(options);
      xent_options.isa(own, Codes.of(all.get((int) (part.begin / CHUNK % all.size()))));
      return own;
    }

    /** States of rows that are finished are left alone in the second round. */
    private static boolean isWritten(MemorySegment state) {
      return state.get(ValueLayout.JAVA_INT, 0) != 0x55555555;
    }
  }
}
