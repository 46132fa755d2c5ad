// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.LabelException;
import dev.xent.errors.XentException;
import dev.xent.layers.Layer;
import dev.xent.layers.SoftmaxLayer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.ConcurrentModificationException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Objects that belong to one thread at a time, used by two at once and by the owner of a tensor
 * during a call. Those with a state of their own reject the second use. No misuse may read memory
 * that is not the caller's: sanitizers-java runs this class with red zones around all memory.
 */
class OneThreadTest {
  private static final int CLASSES = 3000;

  /** {@code -Drace.millis} makes each race longer. */
  private static final long MILLIS = Long.getLong("race.millis", 150);

  private interface Use {
    void run(Random random);
  }

  /**
   * The object of a race.
   *
   * @param rejects whether a second use throws; if not, results may be wrong
   * @param uses what two threads do in any order
   */
  private record Raced(boolean rejects, Use... uses) {}

  private static float[] logits(int rows) {
    float[] logits = new float[rows * CLASSES];
    Random random = new Random(1);
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) random.nextGaussian();
    }
    return logits;
  }

  private static Tensor matrix(int rows) {
    return Tensor.of(logits(rows), rows, CLASSES);
  }

  private static int[] tokens(int count) {
    int[] tokens = new int[count];
    for (int i = 0; i < count; i++) {
      tokens[i] = i % CLASSES;
    }
    return tokens;
  }

  // ---- a use within a use ----------------------------------------------------------------------

  /** What the owner of the logits does with a cursor that is drawing from them. */
  private static Map<String, Use> usesOf(SamplerCursor cursor) {
    float[] row = logits(1);
    Map<String, Use> uses = new LinkedHashMap<>();
    uses.put("next of an array", random -> cursor.next(row));
    uses.put("next of a tensor", random -> cursor.next(Tensor.of(row)));
    uses.put("next with inputs", random -> cursor.next(row, SamplerInputs.none()));
    uses.put(
        "next of a tensor with inputs",
        random -> cursor.next(Tensor.of(row), SamplerInputs.none()));
    uses.put("next of a segment", random -> cursor.next(MemorySegment.ofArray(row)));
    uses.put("verify", random -> cursor.verify(matrix(1), new int[0], new int[1]));
    uses.put("accept", random -> cursor.accept(random.nextInt(CLASSES)));
    uses.put("rewind", random -> cursor.rewind(cursor.step()));
    uses.put("step", random -> cursor.step(cursor.step()));
    uses.put("promptTokens", random -> cursor.promptTokens(tokens(random.nextInt(5000))));
    uses.put("outputs", random -> cursor.outputs(SamplerOutputs.create()));
    return uses;
  }

  @Test
  void anOwnerCannotUseTheCursorThatDraws() {
    for (Sampler sampler :
        List.of(
            Sampler.builder().seed(1).build(),
            Sampler.builder().seed(1).frequencyPenalty(0.1).build(),
            Sampler.builder().seed(1).noRepeatNgram(3).dryMultiplier(1).build())) {
      List<String> names = new ArrayList<>(usesOf(sampler.start()).keySet());
      for (String name : names) {
        SamplerCursor cursor = sampler.start();
        SamplerCursor same = sampler.start();
        for (int i = 0; i < 64; i++) {
          cursor.next(logits(1));
          same.next(logits(1));
        }
        AtomicReference<Use> nested = new AtomicReference<>(usesOf(cursor).get(name));
        Tensor owned =
            Tensor.of(logits(1))
                .withGuard(
                    () -> {
                      nested.get().run(new Random(2));
                      return null;
                    });
        assertThatThrownBy(() -> cursor.next(owned))
            .as(name)
            .isInstanceOf(ConcurrentModificationException.class)
            .hasMessage(
                "this cursor is in use already: create one for each text, or let its call return"
                    + " first");
        nested.set(random -> assertThat(cursor.step()).isEqualTo(64)); // reads one number
        assertThat(cursor.next(owned)).as(name).isEqualTo(same.next(logits(1)));
        assertThat(cursor.next(logits(1))).as(name).isEqualTo(same.next(logits(1)));
      }
    }
  }

  @Test
  void anOwnerCannotChangeRequestsThatAreSampled() {
    Sampler sampler = Sampler.builder().seed(1).build();
    SamplerRequests requests = SamplerRequests.create();
    for (int row = 0; row < 16; row++) {
      requests.add(sampler, row, 0);
    }
    for (Runnable change :
        List.<Runnable>of(
            requests::clear,
            () -> requests.add(sampler, 0, 0),
            () -> requests.set(0, sampler, 0, 0),
            () -> requests.step(0, 1))) {
      Tensor logits =
          Tensor.of(logits(16), 16, CLASSES)
              .withGuard(
                  () -> {
                    change.run();
                    return null;
                  });
      SamplerCall call = sampler.on(logits, Tensor.of(new int[16]));
      for (int run = 0; run < 20; run++) {
        try {
          call.run(requests);
        } catch (XentException | ConcurrentModificationException e) {
          assertThat(requests.size()).isBetween(0, 40);
        }
        while (requests.size() < 16) {
          requests.add(sampler, requests.size(), 0);
        }
      }
      requests.clear();
      for (int row = 0; row < 16; row++) {
        requests.add(sampler, row, 0);
      }
    }
  }

  // ---- races -----------------------------------------------------------------------------------

  private static Raced cursor(Sampler sampler) {
    SamplerCursor[] current = {sampler.start()};
    List<Use> uses = new ArrayList<>();
    for (String name : usesOf(current[0]).keySet()) {
      uses.add(
          random -> {
            SamplerCursor cursor = current[0];
            if (cursor.step() > 300) {
              current[0] = sampler.start();
            }
            usesOf(cursor).get(name).run(random);
          });
    }
    float[] row = logits(1);
    for (int i = 0; i < 5; i++) {
      uses.add(random -> current[0].next(row));
    }
    uses.add(random -> current[0].accept(random.nextInt(CLASSES)));
    uses.add(random -> current[0].rewind(Math.max(current[0].step() - 3, 0)));
    return new Raced(true, uses.toArray(Use[]::new));
  }

  private static Raced boundCall() {
    Tensor x = matrix(4);
    BoundCall call = Softmax.along(-1).on(x, matrix(4));
    Inputs ragged = Inputs.none().withRowOffsets(Tensor.of(new long[] {0, 2, 4}));
    Inputs masked = Inputs.none().withClassMask(Tensor.of(new byte[CLASSES]));
    return new Raced(
        true,
        random -> call.run(),
        random -> call.run(),
        random -> call.inputs(Inputs.none()),
        random -> call.inputs(random.nextBoolean() ? ragged : masked));
  }

  private static Raced lossCall() {
    int rows = 4;
    Tensor targets = Tensor.of(new int[rows]);
    LossCall call = CrossEntropy.mean().on(matrix(rows), targets, matrix(rows));
    LossOutputs saved = LossOutputs.create().saveStatistics(Arena.ofAuto());
    LossOutputs losses = LossOutputs.create().losses(Tensor.of(new float[rows]));
    Inputs weights = Inputs.none().withRowWeights(Tensor.of(new float[rows]));
    return new Raced(
        true,
        random -> call.run(),
        random -> call.run(),
        random -> call.outputs(random.nextBoolean() ? saved : losses),
        random -> call.inputs(random.nextBoolean() ? Inputs.none() : weights));
  }

  private static Raced samplerCall() {
    Sampler sampler = Sampler.builder().frequencyPenalty(0.1).seed(1).build();
    SamplerCall call = sampler.on(matrix(4), Tensor.of(new int[4]));
    Tensor few = Tensor.of(new int[8], 4, 2);
    Tensor many = Tensor.of(tokens(80_000), 4, 20_000);
    SamplerOutputs outputs = SamplerOutputs.create().kept(Tensor.of(new int[4]));
    return new Raced(
        true,
        random -> call.run(1),
        random -> call.run(1),
        random ->
            call.inputs(SamplerInputs.none().withOutputTokens(random.nextBoolean() ? few : many)),
        random -> call.outputs(random.nextBoolean() ? outputs : SamplerOutputs.create()));
  }

  private static Raced requests() {
    Sampler sampler = Sampler.builder().seed(1).topK(3).build();
    SamplerRequests requests = SamplerRequests.create();
    int[] sizes = {8, 17, 33};
    ThreadLocal<SamplerCall[]> own =
        ThreadLocal.withInitial(
            () -> {
              SamplerCall[] made = new SamplerCall[3];
              for (int i = 0; i < made.length; i++) {
                made[i] =
                    sampler.on(Tensor.of(new float[4 * sizes[i]], sizes[i], 4), tensor(sizes[i]));
              }
              return made;
            });
    Use run =
        random -> {
          int i = requests.size() < 9 ? 0 : requests.size() < 20 ? 1 : 2;
          own.get()[i].run(requests);
        };
    return new Raced(
        true,
        run,
        run,
        random -> {
          if (requests.size() > 40) {
            requests.clear();
          }
        },
        random -> {
          for (int i = 0; i < 8; i++) {
            requests.add(sampler, i, 0);
          }
        },
        random -> {
          requests.add(sampler, 1, 0);
        },
        random -> ifPresent(() -> requests.step(0, 1)),
        random -> ifPresent(() -> requests.set(random.nextInt(8), sampler, 0, 2)));
  }

  /** Changes a row, unless the other thread has just removed it. */
  private static void ifPresent(Runnable change) {
    try {
      change.run();
    } catch (IndexOutOfBoundsException e) {
      assertThat(e).hasMessageStartingWith("Index ").hasMessageContaining("out of bounds");
    }
  }

  private static Tensor tensor(int rows) {
    return Tensor.of(new int[rows], rows);
  }

  private static Raced samplerOutputs() {
    Sampler sampler = Sampler.builder().seed(1).build();
    SamplerOutputs outputs = SamplerOutputs.create();
    Tensor one = Tensor.of(new int[1]);
    Tensor four = Tensor.of(new int[4]);
    return new Raced(
        false,
        random -> sampler.on(matrix(4), Tensor.of(new int[4])).outputs(outputs).run(0),
        random -> sampler.start().outputs(outputs).next(logits(1)),
        random -> outputs.kept(random.nextBoolean() ? null : random.nextBoolean() ? one : four),
        random -> outputs.ranks(random.nextBoolean() ? null : random.nextBoolean() ? one : four),
        random -> outputs.toString());
  }

  private static Raced lossOutputs() {
    LossOutputs outputs = LossOutputs.create();
    CrossEntropy loss = CrossEntropy.mean();
    Tensor x4 = matrix(4);
    Tensor x64 = matrix(64);
    Tensor y4 = Tensor.of(new int[4]);
    Tensor y64 = Tensor.of(new int[64]);
    Tensor losses = Tensor.of(new float[4]);
    return new Raced(
        false,
        random -> loss.on(x4, y4).outputs(outputs).run(),
        random -> loss.on(x64, y64).outputs(outputs).run(),
        random -> loss.onBackward(x64, y64, outputs, null, matrix(64)).run(),
        random -> loss.onBackward(x4, y4, outputs, null, matrix(4)).run(),
        random -> outputs.saveStatistics(Arena.ofAuto()),
        random -> outputs.losses(random.nextBoolean() ? null : losses),
        random -> outputs.countCorrect(random.nextBoolean()),
        random -> outputs.toString());
  }

  private static Raced lossSum() {
    LossSum sum = LossSum.create();
    CrossEntropy loss = CrossEntropy.mean();
    Tensor x = matrix(4);
    Tensor y = Tensor.of(new int[4]);
    return new Raced(
        true,
        random -> loss.on(x, y).outputs(LossOutputs.create().lossSum(sum)).run(),
        random -> sum.add(sum),
        random -> sum.mean(),
        random -> LossSum.ofBytes(sum.toBytes()));
  }

  private static Raced softmaxLayer() {
    SoftmaxLayer layer = new SoftmaxLayer(Layer.ANY, CLASSES);
    Tensor four = matrix(4);
    Tensor many = matrix(64);
    return new Raced(
        false,
        random -> layer.forward(random.nextBoolean() ? four : many),
        random -> layer.backward(random.nextBoolean() ? four : many));
  }

  private static final Map<String, Raced> RACES = new LinkedHashMap<>();

  static {
    RACES.put("cursor", cursor(Sampler.builder().seed(1).build()));
    RACES.put(
        "cursor with penalties",
        cursor(Sampler.builder().seed(1).repetitionPenalty(1.1).frequencyPenalty(0.1).build()));
    RACES.put(
        "cursor with options of a text",
        cursor(Sampler.builder().seed(1).noRepeatNgram(4).dryMultiplier(0.5).build()));
    RACES.put("BoundCall", boundCall());
    RACES.put("LossCall", lossCall());
    RACES.put("SamplerCall", samplerCall());
    RACES.put("Requests", requests());
    RACES.put("SamplerOutputs", samplerOutputs());
    RACES.put("LossOutputs", lossOutputs());
    RACES.put("LossSum", lossSum());
    RACES.put("SoftmaxLayer", softmaxLayer());
  }

  @TestFactory
  Stream<DynamicTest> twoThreads() {
    return RACES.entrySet().stream()
        .map(each -> DynamicTest.dynamicTest(each.getKey(), () -> race(each.getKey())));
  }

  private static void race(String name) throws InterruptedException {
    Raced raced = RACES.get(name);
    Map<String, Integer> outcomes = new ConcurrentHashMap<>();
    Map<String, Throwable> wrong = new ConcurrentHashMap<>();
    long end = System.nanoTime() + MILLIS * 1_000_000;
    Thread[] threads = new Thread[2];
    for (int i = 0; i < threads.length; i++) {
      Random random = new Random(i);
      threads[i] =
          new Thread(
              () -> {
                while (System.nanoTime() < end) {
                  String outcome = "none";
                  try {
                    raced.uses[random.nextInt(raced.uses.length)].run(random);
                  } catch (Throwable e) {
                    outcome = e.getClass().getSimpleName();
                    if (!isAllowed(e, raced.rejects)) {
                      wrong.putIfAbsent(outcome, e);
                    }
                  }
                  outcomes.merge(outcome, 1, Integer::sum);
                }
              });
      threads[i].start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    System.out.println(name + " by two threads: " + new TreeMap<>(outcomes));
    wrong.values().forEach(e -> e.printStackTrace());
    assertThat(wrong).as(name).isEmpty();
  }

  /**
   * A label can only be wrong if a token is not the caller's. A call whose arguments another thread
   * changed in time is rejected as one with such arguments.
   */
  private static boolean isAllowed(Throwable e, boolean rejects) {
    boolean invalid = e instanceof XentException && !(e instanceof LabelException);
    return e instanceof ConcurrentModificationException
        || invalid
        || e instanceof IllegalStateException && !rejects;
  }
}
