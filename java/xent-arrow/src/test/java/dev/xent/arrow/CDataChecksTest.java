// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import static dev.xent.arrow.CStructs.set;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.Tensor;
import dev.xent.errors.DTypeException;
import dev.xent.errors.MemoryException;
import dev.xent.errors.ShapeException;
import dev.xent.errors.XentException;
import dev.xent.support.Segments;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Arrays and schemas of the C Data Interface that say what cannot be: each is rejected before what
 * it says is read. Without the check, most of them end the JVM.
 */
class CDataChecksTest {
  private static final MemorySegment NONE = MemorySegment.NULL;

  private final Arena arena = Arena.ofConfined();
  private final CStructs structs = new CStructs(arena);
  private final long data = Segments.of(arena, 0f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11).address();

  /** Twelve numbers. */
  private final MemorySegment numbers = structs.array(12, NONE, 0, data);

  private final MemorySegment ofNumbers = structs.schema("f", NONE);

  /** Four rows of three. */
  private final MemorySegment rows = structs.array(4, numbers, 0);

  private final MemorySegment ofRows = structs.schema("+w:3", ofNumbers);

  private final MemorySegment begins = Segments.of(arena, 1, 3, 12);

  /** Two lists, of two numbers and of nine. */
  private final MemorySegment lists = structs.array(2, numbers, 0, begins.address());

  private final MemorySegment ofLists = structs.schema("+l", ofNumbers);

  @AfterEach
  void close() {
    arena.close();
  }

  private static Tensor view(MemorySegment array, MemorySegment schema) {
    return CDataTensors.view(array.address(), schema.address());
  }

  private Ragged viewLists() {
    return CDataTensors.viewRagged(lists.address(), ofLists.address());
  }

  private static void refused(ThrowingCallable call, String message) {
    assertThatThrownBy(call).isInstanceOf(MemoryException.class).hasMessage(message);
  }

  @Test
  void whatIsRightIsTaken() {
    assertThat(view(numbers, ofNumbers).shape()).containsExactly(12);
    assertThat(view(rows, ofRows).getFloat(3, 2)).isEqualTo(11);
    assertThat(viewLists().rowOffsets().toLongArray()).containsExactly(1, 3, 12);
    try (Arena lifetime = Arena.ofConfined()) {
      CDataTensors.take(rows.address(), ofRows.address(), lifetime);
      assertThat(structs.released()).isEqualTo(1); // the schema
    }
    assertThat(structs.released()).isEqualTo(2);
  }

  @Test
  void fixedSizeListsLongerThanTheirValuesAreRefused() {
    set(numbers, CStructs.LENGTH, 11);
    refused(
        () -> view(rows, ofRows),
        "the lists go up to value 12, the array of their values has length 11: let their producer set these");
  }

  @Test
  void offsetsOfTheListsCountIntoTheirValues() {
    set(rows, CStructs.OFFSET, 1);
    refused(
        () -> view(rows, ofRows),
        "the lists go up to value 15, the array of their values has length 12: let their producer set these");
    set(rows, CStructs.LENGTH, 3);
    assertThat(view(rows, ofRows).getFloat(0, 0)).isEqualTo(3);
  }

  @Test
  void offsetsOfTheValuesComeOnTop() {
    set(numbers, CStructs.LENGTH, 9);
    set(numbers, CStructs.OFFSET, 3);
    set(rows, CStructs.LENGTH, 2);
    set(rows, CStructs.OFFSET, 1);
    assertThat(view(rows, ofRows).toFloatArray()).containsExactly(6, 7, 8, 9, 10, 11);
  }

  @ParameterizedTest
  @ValueSource(longs = {4294967296L, 999999999999999999L})
  void sizesOfListsThatNoMemoryHoldsAreRefused(long size) {
    set(rows, CStructs.LENGTH, 1L << 32);
    MemorySegment schema = structs.schema("+w:" + size, ofNumbers);
    refused(
        () -> view(rows, schema),
        "the lists go up to value 9223372036854775807, the array of their values has length 12: let their producer set these");
  }

  @Test
  void listsOfNothingHaveNoValues() {
    Tensor tensor = view(rows, structs.schema("+w:0", ofNumbers));
    assertThat(tensor.shape()).containsExactly(4, 0);
    assertThat(tensor.isReadOnly()).isTrue();
  }

  @Test
  void listsLongerThanTheirValuesAreRefused() {
    begins.setAtIndex(ValueLayout.JAVA_INT, 2, 13);
    refused(
        this::viewLists,
        "the lists go up to value 13, the array of their values has length 12: let their producer set these");
    begins.setAtIndex(ValueLayout.JAVA_INT, 2, 1 << 30);
    refused(
        this::viewLists,
        "the lists go up to value 1073741824, the array of their values has length 12: let their producer set these");
  }

  @ParameterizedTest
  @CsvSource({"0, -1, 0, -1, 3", "1, 0, 0, 1, 0", "1, 13, 1, 13, 12", "2, -5, 1, 3, -5"})
  void offsetsThatFallAreRefused(int at, int value, int list, int from, int to) {
    begins.setAtIndex(ValueLayout.JAVA_INT, at, value);
    refused(
        this::viewLists,
        "list %d goes from value %d to value %d: offsets must be 0 or more, and none less than the one before"
            .formatted(list, from, to));
  }

  @Test
  void valuesThatOverflowAreRefused() {
    set(numbers, CStructs.OFFSET, (1L << 62) - 12);
    refused(
        () -> view(numbers, ofNumbers),
        "the array has 4611686018427387904 values at address 0x%x: more than memory can hold, let its producer count them"
            .formatted(data));
    set(numbers, CStructs.OFFSET, 0);
    set(numbers, CStructs.LENGTH, 1L << 62);
    refused(
        () -> view(numbers, ofNumbers),
        "the array has 4611686018427387904 values at address 0x%x: more than memory can hold, let its producer count them"
            .formatted(data));
  }

  @Test
  void buffersBeyondTheLastAddressAreRefused() {
    MemorySegment array = structs.array(4, NONE, 0, -8);
    refused(
        () -> view(array, ofNumbers),
        "the array has 4 values at address 0xfffffffffffffff8: more than memory can hold, let its producer count them");
  }

  @ParameterizedTest
  @CsvSource({
    "-1, 0",
    "0, -1",
    "4611686018427387904, 1",
    "1, 9223372036854775807",
    "-9223372036854775808, -9223372036854775808"
  })
  void lengthsAndOffsetsThatCannotBeAreRefused(long length, long offset) {
    set(numbers, CStructs.LENGTH, length);
    set(numbers, CStructs.OFFSET, offset);
    refused(
        () -> view(numbers, ofNumbers),
        "the array has length %d and offset %d: both are 0 or more and together at most 2^62, let its producer set them"
            .formatted(length, offset));
    refused(
        () -> view(rows, ofRows),
        "the child array has length %d and offset %d: both are 0 or more and together at most 2^62, let its producer set them"
            .formatted(length, offset));
  }

  @ParameterizedTest
  @ValueSource(longs = {-2, 13, Long.MIN_VALUE, Long.MAX_VALUE})
  void nullCountsThatCannotBeAreRefused(long count) {
    set(numbers, CStructs.NULL_COUNT, count);
    refused(
        () -> view(numbers, ofNumbers),
        "the array has length 12 and %d nulls: let its producer count them, or say -1 for not counted"
            .formatted(count));
  }

  @Test
  void nullsWithoutBitmapAreRefused() {
    set(numbers, CStructs.NULL_COUNT, 1);
    refused(
        () -> view(numbers, ofNumbers),
        "the array has 1 nulls and no bitmap of them: let its producer set the address");
    set(numbers, CStructs.NULL_COUNT, -1);
    assertThat(view(numbers, ofNumbers).elements()).isEqualTo(12);
  }

  private MemorySegment bitmap(int bits) {
    return Segments.of(arena, (byte) bits, (byte) (bits >>> 8));
  }

  @Test
  void nullCountsAndBitmapsThatContradictEachOtherAreRefused() {
    MemorySegment array = structs.array(12, NONE, bitmap(0xffd).address(), data);
    for (long count : new long[] {0, 1, -1}) {
      set(array, CStructs.NULL_COUNT, count);
      refused(
          () -> view(array, ofNumbers),
          "row 1 of the array is null, and a tensor has no nulls: let their producer fill them");
    }
    MemorySegment whole = structs.array(12, NONE, bitmap(0xfff).address(), data);
    set(whole, CStructs.NULL_COUNT, 1);
    refused(
        () -> view(whole, ofNumbers),
        "the array has 1 nulls, its bitmap none: let its producer count them, or say -1 for not counted");
    set(whole, CStructs.NULL_COUNT, -1);
    assertThat(view(whole, ofNumbers).elements()).isEqualTo(12);
  }

  /** The nulls that were counted are elsewhere. */
  @Test
  void nullsOutsideOfTheRowsAreNoneOfTheTensor() {
    MemorySegment values = structs.array(12, NONE, bitmap(0xffd).address(), data);
    set(values, CStructs.NULL_COUNT, 1);
    MemorySegment some = structs.array(3, values, 0);
    set(some, CStructs.OFFSET, 1);
    assertThat(view(some, ofRows).getFloat(0, 0)).isEqualTo(3);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 3, -1, Long.MAX_VALUE})
  void otherNumbersOfBuffersAreRefused(long count) {
    set(numbers, CStructs.BUFFER_COUNT, count);
    refused(
        () -> view(numbers, ofNumbers),
        "the array has %d buffers, its schema 2; expected an array and its schema of one export"
            .formatted(count));
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 2, -1, Long.MAX_VALUE})
  void otherNumbersOfChildrenAreRefused(long count) {
    set(rows, CStructs.CHILD_COUNT, count);
    refused(
        () -> view(rows, ofRows),
        "the array has %d children, its schema 1; expected an array and its schema of one export"
            .formatted(count));
    set(ofRows, CStructs.SCHEMA_CHILD_COUNT, count);
    refused(
        () -> view(structs.array(4, numbers, 0), ofRows),
        "the schema has format +w:3 and %d children; expected one with 1".formatted(count));
    refused(
        () -> view(rows, ofRows),
        "the schema has format +w:3 and %d children; expected one with 1".formatted(count));
  }

  @Test
  void numbersWithChildrenAreRefused() {
    set(numbers, CStructs.CHILD_COUNT, 1);
    refused(
        () -> view(numbers, ofNumbers),
        "the array has 1 children, its schema 0; expected an array and its schema of one export");
    refused(
        this::viewLists,
        "the child array has 1 children, its schema 0; expected an array and its schema of one export");
    set(ofNumbers, CStructs.SCHEMA_CHILD_COUNT, 1);
    refused(
        () -> view(numbers, ofNumbers),
        "the schema has format f and 1 children; expected one with 0");
    refused(
        () -> view(numbers, structs.schema("+w:3", NONE)),
        "the schema has format +w:3 and 0 children; expected one with 1");
  }

  @Test
  void addressesThatAreNullAreRefused() {
    set(numbers, CStructs.BUFFERS, 0);
    refused(
        () -> view(numbers, ofNumbers),
        "the array has 2 buffers and no address of them: let its producer set it");
    refused(
        () -> view(structs.array(2, NONE, 0, 0), ofNumbers),
        "the array has 2 values and no address of them: let its producer set it");
    set(lists, CStructs.BUFFERS, arena.allocate(16, 8).address());
    refused(
        this::viewLists, "the array has 3 offsets and no address of them: let its producer set it");
    set(rows, CStructs.CHILDREN, 0);
    refused(
        () -> view(rows, ofRows),
        "the array has 1 children and no address of them: let its producer set it");
    set(rows, CStructs.CHILDREN, arena.allocate(8, 8).address());
    refused(
        () -> view(rows, ofRows),
        "the child array has address 0; expected the address of a struct ArrowArray");
  }

  @Test
  void addressesInSchemasThatAreNullAreRefused() {
    MemorySegment schema = structs.schema("+w:3", ofNumbers);
    set(schema, CStructs.SCHEMA_CHILDREN, 0);
    refused(
        () -> view(rows, schema),
        "the schema has 1 children and no address of them: let its producer set it");
    set(schema, CStructs.SCHEMA_CHILDREN, arena.allocate(8, 8).address());
    refused(
        () -> view(rows, schema),
        "the child schema has address 0; expected the address of a struct ArrowSchema");
    set(ofNumbers, CStructs.SCHEMA_FORMAT, 0);
    refused(() -> view(numbers, ofNumbers), "the schema has no format: let its producer set it");
  }

  @Test
  void addressesThatAreNotAlignedAreRefused() {
    refused(
        () -> CDataTensors.view(numbers.address() + 4, ofNumbers.address()),
        "the array has address 0x%x; expected the address of a struct ArrowArray"
            .formatted(numbers.address() + 4));
    refused(
        () -> CDataTensors.view(numbers.address(), ofNumbers.address() + 1),
        "the schema has address 0x%x; expected the address of a struct ArrowSchema"
            .formatted(ofNumbers.address() + 1));
    refused(
        () -> view(structs.array(2, NONE, 0, data + 2), ofNumbers),
        "the array has values at address 0x%x, not a multiple of their 4 bytes: let its producer align them"
            .formatted(data + 2));
  }

  @Test
  void childrenThatAreReleasedAreRefused() {
    set(numbers, CStructs.RELEASE, 0);
    refused(
        () -> view(rows, ofRows),
        "the child array is released or was moved; expected one that is not");
    set(ofNumbers, CStructs.SCHEMA_RELEASE, 0);
    refused(
        () -> view(structs.array(4, structs.array(12, NONE, 0, data), 0), ofRows),
        "the child schema is released; expected one that is not");
  }

  @Test
  void dictionariesAreRefused() {
    set(numbers, CStructs.DICTIONARY, rows.address());
    refused(
        () -> view(numbers, ofNumbers),
        "the array has a dictionary, its schema none; expected an array and its schema of one export");
    set(ofNumbers, CStructs.SCHEMA_DICTIONARY, ofRows.address());
    for (MemorySegment array :
        new MemorySegment[] {numbers, rows, structs.array(2, NONE, 0, data)}) {
      assertThatThrownBy(() -> view(array, array == rows ? ofRows : ofNumbers))
          .isInstanceOf(DTypeException.class)
          .hasMessage("the array holds indices into a dictionary: decode it first");
    }
  }

  @Test
  void listsWithinThemselvesAreRefused() {
    MemorySegment schema = structs.schema("+w:1", ofNumbers);
    MemorySegment array = structs.array(1, numbers, 0);
    set(schema, CStructs.SCHEMA_CHILDREN, Segments.of(arena, schema.address()).address());
    set(array, CStructs.CHILDREN, Segments.of(arena, array.address()).address());
    assertThatThrownBy(() -> view(array, schema))
        .isInstanceOf(ShapeException.class)
        .hasMessage("the array has lists in lists 64 times; expected 64 dimensions at most");
  }

  @Test
  void formatsAreReadUpToWhatTellsThem() {
    MemorySegment endless = structs.schema("w".repeat(1000), NONE);
    assertThatThrownBy(() -> view(numbers, endless))
        .isInstanceOf(DTypeException.class)
        .hasMessageStartingWith("the array has format " + "w".repeat(64) + "; expected");
    assertThatThrownBy(() -> view(numbers, structs.schema("\n\u001b\u00e9", NONE)))
        .isInstanceOf(DTypeException.class)
        .hasMessageStartingWith("the array has format ????; expected");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "+w:-1",
        "+w:",
        "+w:9999999999999999999",
        "+w:3 ",
        "+w",
        "",
        "ff",
        "+vl",
        "+s",
        "tdD"
      })
  void otherFormatsAreRefused(String format) {
    assertThatThrownBy(() -> view(rows, structs.schema(format, ofNumbers)))
        .isInstanceOf(DTypeException.class)
        .hasMessage(
            "the array has format %s; expected e, f, g, c, C, s, S, i, I, l or L (numbers), or +w (fixed-size lists) of them"
                .formatted(format));
  }

  @Test
  void whatIsRefusedStaysTheCallers() {
    set(numbers, CStructs.LENGTH, 11);
    assertThatThrownBy(() -> CDataTensors.take(rows.address(), ofRows.address(), arena))
        .isInstanceOf(XentException.class);
    assertThat(structs.released()).isZero();
    set(numbers, CStructs.LENGTH, 12);
    assertThat(view(rows, ofRows).elements()).isEqualTo(12);
  }
}
