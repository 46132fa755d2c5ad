// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.ShapeException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TensorCopyTest {

  @Test
  void copiesIndexByIndexWhateverTheStrides() {
    float[] values = {1, 2, 3, 4, 5, 6};
    Tensor source = Tensor.of(values, 2, 3);
    try (Arena arena = Arena.ofConfined()) {
      Tensor plain = Tensor.allocate(arena, DType.F32, 2, 3);
      plain.copyFrom(source);
      assertThat(plain.toFloatArray()).isEqualTo(values);
      Tensor wide = Tensor.allocate(arena, DType.F32, 3, 4);
      wide.slice(1, 1, 3).permute(1, 0).copyFrom(plain);
      assertThat(wide.toFloatArray()).containsExactly(0, 1, 4, 0, 0, 2, 5, 0, 0, 3, 6, 0);
      plain.copyFrom(wide.slice(1, 1, 3).permute(1, 0));
      assertThat(plain.toFloatArray()).isEqualTo(values);
    }
  }

  @Test
  void copiesEveryType() {
    Tensor bytes = Tensor.of(new byte[3]);
    bytes.copyFrom(Tensor.of(new byte[] {1, -2, 3}));
    assertThat(bytes.toLongArray()).containsExactly(1, -2, 3);
    Tensor longs = Tensor.of(new long[6], 3, 2).select(1, 1);
    longs.copyFrom(Tensor.of(new long[] {Long.MIN_VALUE, 0, Long.MAX_VALUE}));
    assertThat(longs.toLongArray()).containsExactly(Long.MIN_VALUE, 0, Long.MAX_VALUE);
  }

  @Test
  void keepsTheBitsOfEveryNaN() {
    float[] copy = new float[1];
    Tensor.of(copy).copyFrom(Tensor.of(new float[] {Float.intBitsToFloat(0xffc12345)}));
    assertThat(Float.floatToRawIntBits(copy[0])).isEqualTo(0xffc12345);
  }

  @Test
  void anEmptyTensorIsCopiedToo() {
    Tensor empty = Tensor.of(new float[0], 0, 3);
    empty.copyFrom(Tensor.of(new float[0], 0, 3));
    assertThat(empty.elements()).isZero();
  }

  @Test
  void whatDoesNotFitIsNamed() {
    Tensor target = Tensor.of(new float[6], 2, 3);
    assertThatThrownBy(() -> target.copyFrom(Tensor.of(new float[6], 3, 2)))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("[3, 2]");
    assertThatThrownBy(() -> target.copyFrom(Tensor.of(new int[6], 2, 3)))
        .isInstanceOf(DTypeException.class)
        .hasMessageContaining("I32");
    assertThatThrownBy(() -> target.asReadOnly().copyFrom(target))
        .isInstanceOf(MemoryException.class)
        .hasMessageContaining("read-only");
  }

  @Test
  void theSameMemoryInTheSameOrderStaysAsItIs() {
    float[] values = {1, 2, 3, 4, 5, 6};
    Tensor tensor = Tensor.of(values, 2, 3);
    tensor.copyFrom(tensor);
    tensor.copyFrom(tensor.asReadOnly());
    tensor.permute(1, 0).copyFrom(Tensor.of(values, 2, 3).permute(1, 0));
    assertThat(values).containsExactly(1, 2, 3, 4, 5, 6);
  }

  @Test
  void otherOverlapsAreRefusedBeforeAnythingIsWritten() {
    float[] values = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    Tensor tensor = Tensor.of(values, 3, 3);
    List<Tensor> others =
        List.of(tensor.permute(1, 0), Tensor.of(values).slice(0, 0, 9).reshape(3, 3).permute(1, 0));
    for (Tensor other : others) {
      assertOverlaps(tensor, other);
      assertOverlaps(other, tensor);
    }
    assertOverlaps(tensor.slice(0, 0, 2), tensor.slice(0, 1, 3));
    assertOverlaps(tensor.slice(1, 0, 1), tensor.slice(1, 1, 2));
    try (Arena arena = Arena.ofConfined()) {
      Tensor floats = Tensor.allocate(arena, DType.F32, 4);
      Tensor doubles = Tensor.of(floats.segment(), DType.F64, 2);
      assertOverlaps(floats.slice(0, 0, 2), doubles);
      assertOverlaps(floats.slice(0, 0, 2), floats.slice(0, 1, 3).asReadOnly());
    }
    assertThat(values).containsExactly(1, 2, 3, 4, 5, 6, 7, 8, 9);
    Tensor.of(values).slice(0, 0, 3).copyFrom(Tensor.of(values).slice(0, 3, 6));
    assertThat(values).startsWith(4, 5, 6, 4, 5, 6);
  }

  private static void assertOverlaps(Tensor target, Tensor source) {
    assertThatThrownBy(() -> target.copyFrom(source))
        .isInstanceOf(MemoryException.class)
        .hasMessage(
            "the tensor and the source overlap in memory; expected separate memory for the tensor,"
                + " or exactly that of the source");
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 0})
  void closedMemoryIsNamed(int rows) {
    Tensor here = Tensor.of(new float[3 * rows], rows, 3);
    Tensor gone;
    try (Arena arena = Arena.ofConfined()) {
      gone = Tensor.allocate(arena, DType.F32, rows, 3);
    }
    String why = " is in a closed arena: keep the arena open during the call";
    assertThatThrownBy(() -> here.copyFrom(gone))
        .isInstanceOf(MemoryException.class)
        .hasMessage("the source" + why);
    assertThatThrownBy(() -> gone.copyFrom(here))
        .isInstanceOf(MemoryException.class)
        .hasMessage("the tensor" + why);
  }

  /** As virtual threads are unless they get a name. */
  @Test
  void aThreadWithoutANameHasANumber() throws InterruptedException {
    try (Arena arena = Arena.ofConfined()) {
      Tensor confined = Tensor.allocate(arena, DType.F32, 2);
      List<Throwable> thrown = new ArrayList<>();
      Runnable use = () -> thrown.add(catchThrowable(confined::toFloatArray));
      Thread virtual = Thread.ofVirtual().unstarted(use);
      Thread platform = Thread.ofPlatform().name("").unstarted(use);
      for (Thread thread : List.of(virtual, platform)) {
        thread.start();
        thread.join();
      }
      String why = "the tensor is in an arena confined to another thread than ";
      assertThat(thrown.getFirst())
          .hasMessageStartingWith(why + "virtual thread #" + virtual.threadId() + ": ");
      assertThat(thrown.getLast())
          .hasMessageStartingWith(why + "thread #" + platform.threadId() + ": ");
    }
  }

  @Test
  void memoryOfAnotherThreadIsNamed() throws InterruptedException {
    Tensor here = Tensor.of(new float[6], 2, 3);
    try (Arena arena = Arena.ofConfined()) {
      Tensor confined = Tensor.allocate(arena, DType.F32, 2, 3);
      List<Throwable> thrown = new ArrayList<>();
      Thread stranger =
          Thread.ofPlatform()
              .name("stranger")
              .start(
                  () -> {
                    thrown.add(catchThrowable(() -> here.copyFrom(confined)));
                    thrown.add(catchThrowable(() -> confined.copyFrom(here)));
                  });
      stranger.join();
      String why = " is in an arena confined to another thread than stranger: ";
      assertThat(thrown).hasSize(2).allMatch(MemoryException.class::isInstance);
      assertThat(thrown.getFirst()).hasMessageStartingWith("the source" + why);
      assertThat(thrown.getLast()).hasMessageStartingWith("the tensor" + why);
    }
  }
}
