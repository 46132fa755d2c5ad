// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.xent.errors.MemoryException;
import dev.xent.options.Backend;
import dev.xent.options.DivergenceKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Calls ask the owner of lent memory before each use, and do not touch unavailable memory. */
class MemoryGuardTest {
  private static final int ROWS = 3;
  private static final int CLASSES = 5;
  private static final String GONE = "the buffer has grown; view it again";

  /** Lends its memory until a test sets a reason not to. */
  private static final class Recallable implements MemoryGuard {
    private @Nullable String refusal;
    private int asked;

    @Override
    public @Nullable String unavailableReason() {
      asked++;
      return refusal;
    }
  }

  private final Recallable guard = new Recallable();
  private final float[] values = new float[ROWS * CLASSES];
  private final Tensor lent = Tensor.of(values, ROWS, CLASSES).withGuard(guard);
  private final Tensor labels = Tensor.of(new int[ROWS]);
  private final Tensor lentLabels = labels.withGuard(guard);

  private static Tensor matrix() {
    return Tensor.of(Samples.logits(ROWS * CLASSES, 3, 1), ROWS, CLASSES);
  }

  /** Makes a call of every operation, with each of its tensors lent in turn. */
  private void eachLent(Backend backend, BiConsumer<Tensor, LentCall> test) {
    for (EveryCall call : EveryCall.all(Execution.defaults().withBackend(backend), CLASSES)) {
      for (int i = 0; i < call.arguments().size(); i++) {
        Tensor[] tensors = call.tensors(EveryCall.ARRAYS, ROWS, CLASSES, 1);
        tensors[i] = tensors[i].withGuard(guard);
        EveryCall.Argument argument = call.arguments().get(i);
        String name = argument.name() + " of " + call;
        test.accept(tensors[i], new LentCall(name, argument.name(), call.on(tensors)::getAsDouble));
      }
    }
  }

  /**
   * A call.
   *
   * @param lent the name of the tensor that is lent
   */
  private record LentCall(String name, String lent, Runnable call) {}

  @OnEveryBackend
  void everyCallAsks(Backend backend) {
    eachLent(
        backend,
        (tensor, call) -> {
          for (int repeated = 0; repeated < 3; repeated++) {
            guard.refusal = null;
            for (int i = 0; i < repeated; i++) {
              call.call.run();
            }
            Object before = EveryCall.contents(tensor);
            refused(call.name, call.call::run, call.lent);
            assertThat(EveryCall.contents(tensor)).as(call.name).isEqualTo(before);
          }
        });
  }

  /** Asserts that a use of the memory throws while it is unavailable, and writes nothing. */
  private void refused(String name, ThrowingCallable use, String what) {
    guard.refusal = GONE;
    float[] before = values.clone();
    assertThatThrownBy(use)
        .as(name)
        .isInstanceOf(MemoryException.class)
        .hasMessage(what + " is in memory that its owner has taken back: " + GONE);
    assertThat(values).as(name).isEqualTo(before);
    guard.refusal = null;
  }

  /** A call that is kept has checked its arrays at its first run, but asks at every run. */
  @OnEveryBackend
  void aCallThatIsKeptAsksAtEachRun(Backend backend) {
    Execution execution = Execution.defaults().withBackend(backend);
    Softmax softmax = Softmax.builder().execution(execution).build();
    CrossEntropy loss = CrossEntropy.builder().execution(execution).build();
    Sampler sampler = Sampler.builder().execution(execution).topK(2).build();
    Map<String, Runnable> kept = new LinkedHashMap<>();
    kept.put("logits", softmax.on(lent, matrix())::run);
    kept.put("output", softmax.on(matrix(), lent)::run);
    kept.put("targets", loss.on(matrix(), lentLabels)::run);
    kept.put("gradient", loss.on(matrix(), labels, lent)::run);
    SamplerCall tokens = sampler.on(matrix(), lentLabels);
    kept.put("tokens", () -> tokens.run(0));
    kept.forEach(
        (name, call) -> {
          for (int runs = 1; runs <= 3; runs++) {
            guard.asked = 0;
            call.run();
            assertThat(guard.asked).as("%s, run %d", name, runs).isEqualTo(1);
            refused(name, call::run, name);
          }
        });
  }

  @OnEveryBackend
  void aCallAsksOnceAboutEachTensor(Backend backend) {
    eachLent(
        backend,
        (tensor, call) -> {
          for (int i = 0; i < 3; i++) {
            guard.asked = 0;
            call.call.run();
            assertThat(guard.asked).as(call.name).isEqualTo(1);
          }
        });
  }

  @Test
  void elementsAndCopiesAreRefused() {
    refused("getFloat", () -> lent.getFloat(0, 0), "the tensor");
    refused("getDouble", () -> lent.getDouble(0, 0), "the tensor");
    refused("getLong", () -> lentLabels.getLong(0), "the tensor");
    refused("setFloat", () -> lent.setFloat(1, 0, 0), "the tensor");
    refused("setDouble", () -> lent.setDouble(1, 0, 0), "the tensor");
    refused("toFloatArray", lent::toFloatArray, "the tensor");
    refused("toDoubleArray", lent::toDoubleArray, "the tensor");
    refused("toLongArray", lentLabels::toLongArray, "the tensor");
    refused("copyFrom", () -> lent.copyFrom(matrix()), "the tensor");
    refused("copy to another", () -> matrix().copyFrom(lent), "the source");
    Tensor doubles = Tensor.of(new double[ROWS * CLASSES], ROWS, CLASSES);
    refused("conversion", () -> lent.copyFrom(doubles), "the tensor");
    refused("conversion to another", () -> doubles.copyFrom(lent), "the source");
    refused("segment", lent::segment, "the tensor");
    assertThat(lent.segment().byteSize()).isEqualTo(4L * values.length);
  }

  @Test
  void viewsAskTheSameLender() {
    Map<String, Tensor> views =
        Map.of(
            "reshape", lent.reshape(CLASSES, ROWS),
            "permute", lent.permute(1, 0),
            "slice", lent.slice(0, 1, 2),
            "select", lent.select(0, 2),
            "read-only", lent.asReadOnly());
    views.forEach((name, view) -> refused(name, view::toFloatArray, "the tensor"));
  }

  @Test
  void anotherLenderTakesItsPlace() {
    Tensor again = lent.withGuard(() -> null);
    guard.refusal = GONE;
    assertThat(again.getFloat(0, 0)).isZero();
    assertThat(Tensor.of(values).getFloat(0)).isZero();
  }

  @Test
  void aClosedArenaIsNamedFirst() {
    Tensor tensor;
    try (Arena arena = Arena.ofConfined()) {
      tensor = Tensor.allocate(arena, DType.F32, 2).withGuard(guard);
    }
    guard.refusal = GONE;
    for (ThrowingCallable use :
        new ThrowingCallable[] {
          () -> tensor.getFloat(0), () -> Softmax.along(-1).forward(tensor, tensor)
        }) {
      assertThatThrownBy(use)
          .isInstanceOf(MemoryException.class)
          .hasMessageContaining("is in a closed arena");
    }
  }

  /** Calls of the same thread, on tensors of another shape, from within an owner. */
  @OnEveryBackend
  void aLenderMayMakeCallsOfItsOwn(Backend backend) {
    CrossEntropy loss =
        CrossEntropy.builder().execution(Execution.defaults().withBackend(backend)).build();
    Softmax softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    Tensor x = matrix();
    float[] gradient = new float[ROWS * CLASSES];
    double reduced = loss.forwardBackward(x, labels, Tensor.of(gradient, ROWS, CLASSES));
    float[] y = new float[ROWS * CLASSES];
    softmax.forward(x, Tensor.of(y, ROWS, CLASSES));

    Tensor others = Tensor.of(Samples.logits(ROWS * (CLASSES - 1), 3, 2), ROWS, CLASSES - 1);
    Tensor theirs = Tensor.of(new float[ROWS * (CLASSES - 1)], ROWS, CLASSES - 1);
    MemoryGuard calling =
        () -> {
          loss.forwardBackward(others, labels, theirs);
          softmax.forward(others, theirs);
          return null;
        };
    Tensor written = Tensor.of(values, ROWS, CLASSES);
    for (int lends = 0; lends < 3; lends++) {
      Tensor logits = lends == 0 ? x.withGuard(calling) : x;
      Tensor targets = lends == 1 ? labels.withGuard(calling) : labels;
      Tensor output = lends == 2 ? written.withGuard(calling) : written;
      for (int i = 0; i < 3; i++) {
        assertThat(loss.forwardBackward(logits, targets, output)).isEqualTo(reduced);
        assertThat(values).as("guard %d, call %d", lends, i).isEqualTo(gradient);
      }
      for (int i = 0; i < 3; i++) {
        softmax.forward(logits, output);
        assertThat(values).as("guard %d, softmax %d", lends, i).isEqualTo(y);
      }
    }
  }

  /** Of a call that is known, and whose helpers use confined memory by its address alone. */
  @OnEveryBackend
  void memoryThatALenderClosesIsNotUsed(Backend backend) {
    Softmax softmax =
        Softmax.builder()
            .execution(Execution.defaults().withBackend(backend).withThreads(3))
            .build();
    int rows = 1024;
    for (int i = 0; i < 200; i++) {
      Arena arena = Arena.ofConfined();
      Tensor logits = Tensor.allocate(arena, DType.F32, rows, 40);
      boolean[] closes = {false};
      MemoryGuard closing =
          () -> {
            if (closes[0]) {
              arena.close();
            }
            return null;
          };
      float[] written = new float[rows * 40];
      Tensor output = Tensor.of(written, rows, 40).withGuard(closing);
      softmax.forward(logits, output);
      Arrays.fill(written, 0);
      closes[0] = true;
      assertThatThrownBy(() -> softmax.forward(logits, output))
          .isInstanceOf(MemoryException.class)
          .hasMessageContaining("logits is in a closed arena");
      assertThat(written).isEqualTo(new float[rows * 40]);
    }
  }

  /** The call ends at the logits, after it has set all its other arrays. */
  @OnEveryBackend
  void aCallThatIsCutOffLeavesNothingToTheNextOne(Backend backend) {
    Softmax softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    Divergence kl =
        Divergence.builder(DivergenceKind.KULLBACK_LEIBLER)
            .execution(Execution.defaults().withBackend(backend))
            .build();
    Tensor student = matrix();
    Tensor teacher = Tensor.of(Samples.logits(ROWS * CLASSES, 3, 2), ROWS, CLASSES);
    Tensor gradient = matrix();
    double expected = kl.forwardBackward(student, teacher, gradient);
    float[] expectedGradient = gradient.toFloatArray();

    Arena arena = Arena.ofConfined();
    Tensor logits = Tensor.allocate(arena, DType.F32, ROWS, CLASSES);
    MemoryGuard closing =
        () -> {
          arena.close();
          return null;
        };
    Tensor output = Tensor.of(values, ROWS, CLASSES).withGuard(closing);
    Inputs sink = Inputs.none().withSink(Tensor.of(new float[] {9}));
    assertThatThrownBy(() -> softmax.on(logits, output).inputs(sink).run())
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("logits is in a closed arena");

    assertThat(kl.forwardBackward(student, teacher, gradient)).isEqualTo(expected);
    assertThat(gradient.toFloatArray()).isEqualTo(expectedGradient);
  }

  @Test
  void askingAllocatesNothing() {
    allocatesNothing(lent);
  }

  @Test
  void aCallOfALenderAllocatesNothing() {
    Softmax inner = Softmax.along(-1);
    Tensor others = matrix();
    allocatesNothing(
        lent.withGuard(
            () -> {
              inner.forward(others, others);
              return null;
            }));
  }

  private static void allocatesNothing(Tensor logits) {
    Softmax softmax = Softmax.along(-1);
    Tensor output = matrix();
    ThreadMXBean thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long least = Long.MAX_VALUE;
    for (int round = 0; round < 40 && least >= 1024; round++) {
      long before = thread.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < 4000; i++) {
        softmax.forward(logits, output);
      }
      least = Math.min(least, thread.getCurrentThreadAllocatedBytes() - before);
    }
    assertThat(least).isLessThan(1024);
  }

  // ---- owners ----------------------------------------------------------------------------------

  /** What is made of memory at an address, and the owner to be seen while it is reachable. */
  private static <T> T owned(WeakReference<?>[] owner, Function<Tensor, T> use) {
    Object made = new Object();
    owner[0] = new WeakReference<>(made);
    MemorySegment memory = Arena.global().allocate(8, 64);
    return use.apply(Tensor.ofAddress(memory.address(), 8, made, DType.F32, 2));
  }

  private static boolean isGone(WeakReference<?> owner) throws InterruptedException {
    System.gc();
    for (int i = 0; i < 100 && owner.get() != null; i++) {
      Thread.sleep(1); // no further collection: one has to do
    }
    return owner.get() == null;
  }

  @Test
  void segmentsAndBuffersKeepTheOwnerAndGoWithItInOneCollection() throws InterruptedException {
    WeakReference<?>[] owner = new WeakReference<?>[1];
    MemorySegment segment = owned(owner, tensor -> tensor.slice(0, 1, 2).segment());
    assertThat(isGone(owner[0])).isFalse();
    ByteBuffer buffer = segment.asByteBuffer().slice();
    segment = null;
    assertThat(isGone(owner[0])).isFalse();
    assertThat(buffer.remaining()).isEqualTo(4);
    buffer = null;
    assertThat(isGone(owner[0])).isTrue();
  }

  @Test
  void aSegmentOfReadOnlyMemoryStaysReadOnly() {
    MemorySegment segment = owned(new WeakReference<?>[1], tensor -> tensor.asReadOnly().segment());
    assertThat(segment.isReadOnly()).isTrue();
    assertThat(segment.byteSize()).isEqualTo(8);
  }

  /** What an owner throws is not taken for memory that was closed. */
  @OnEveryBackend
  void whatALenderThrowsIsThrown(Backend backend) {
    Tensor x =
        Tensor.of(new float[4], 2, 2)
            .withGuard(
                () -> {
                  throw new IllegalStateException("the library is not initialised");
                });
    Softmax softmax =
        Softmax.builder().execution(Execution.defaults().withBackend(backend)).build();
    assertThatThrownBy(() -> softmax.forward(x, x))
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage("the library is not initialised");
    Tensor y = Tensor.of(new float[4], 2, 2);
    softmax.forward(y, y);
    assertThat(y.getFloat(0, 0)).isEqualTo(0.5f);
  }

  /** The owner runs in the middle of a repeated call, which then computes what is requested now. */
  @OnEveryBackend
  void anOwnerThatRequestsAnotherOutput(Backend backend) {
    for (int when = 0; when < 5; when++) {
      int[] queriesLeft = {-1};
      LossSum sum = LossSum.create();
      LossOutputs outputs = LossOutputs.create();
      Tensor x =
          Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3)
              .withGuard(
                  () -> {
                    if (queriesLeft[0]-- == 0) {
                      outputs.lossSum(sum);
                    }
                    return null;
                  });
      CrossEntropy loss =
          CrossEntropy.builder().execution(Execution.sequential().withBackend(backend)).build();
      LossCall call = loss.on(x, Tensor.of(new int[] {1, 2})).outputs(outputs);
      double expected = loss.forward(x, Tensor.of(new int[] {1, 2}));
      for (int run = 0; run < 7; run++) {
        queriesLeft[0] = run == when ? 0 : -1;
        assertThat(call.run()).isEqualTo(expected);
      }
      assertThat(sum.rows()).isPositive();
    }
  }

  /** Row offsets are copied before other arrays are taken. */
  @Test
  void anOwnerThatClosesItsRowOffsets() {
    Arena arena = Arena.ofConfined();
    Tensor offsets =
        Tensor.of(arena.allocate(12, 4), DType.I32, 3)
            .withGuard(
                () -> {
                  if (arena.scope().isAlive()) {
                    arena.close();
                  }
                  return null;
                });
    BoundCall call =
        Softmax.along(-1)
            .on(Tensor.of(new float[4]), Tensor.of(new float[4]))
            .inputs(Inputs.none().withRowOffsets(offsets));
    assertThatThrownBy(call::run)
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("rowOffsets");
  }
}
