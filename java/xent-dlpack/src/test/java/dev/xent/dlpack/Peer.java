// SPDX-License-Identifier: Apache-2.0
package dev.xent.dlpack;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.xent.support.Segments;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The producer and consumer in C (src/test/c/peer.c), compiled when first used. */
final class Peer {
  private static final Path MODULE = Path.of(System.getProperty("basedir", "")).toAbsolutePath();
  private static final String COMPILER = Objects.requireNonNullElse(System.getenv("CC"), "cc");

  private static final Map<String, FunctionDescriptor> FUNCTIONS =
      Map.ofEntries(
          Map.entry("peer_facts", FunctionDescriptor.ofVoid(ADDRESS)),
          Map.entry("peer_outstanding", FunctionDescriptor.of(JAVA_LONG)),
          Map.entry("peer_deleted", FunctionDescriptor.of(JAVA_LONG)),
          Map.entry("peer_last_deleted", FunctionDescriptor.of(ADDRESS)),
          Map.entry(
              "peer_versioned",
              FunctionDescriptor.of(ADDRESS, JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS, ADDRESS)),
          Map.entry("peer_unversioned", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS)),
          Map.entry("peer_without_deleter", FunctionDescriptor.ofVoid(ADDRESS)),
          Map.entry("peer_allocate", FunctionDescriptor.of(ADDRESS, JAVA_LONG)),
          Map.entry("peer_read", FunctionDescriptor.ofVoid(ADDRESS, ADDRESS)),
          Map.entry("peer_read_unversioned", FunctionDescriptor.ofVoid(ADDRESS, ADDRESS)),
          Map.entry("peer_delete_unversioned", FunctionDescriptor.ofVoid(ADDRESS)),
          Map.entry("peer_hold", FunctionDescriptor.ofVoid(ADDRESS)),
          Map.entry("peer_await_held", FunctionDescriptor.ofVoid()),
          Map.entry("peer_let_go", FunctionDescriptor.ofVoid()),
          Map.entry("peer_negate", FunctionDescriptor.ofVoid(ADDRESS)),
          Map.entry("peer_delete", FunctionDescriptor.ofVoid(ADDRESS)),
          Map.entry("peer_delete_twice", FunctionDescriptor.ofVoid(ADDRESS)),
          Map.entry("peer_delete_on_threads", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT)));

  private static final Map<String, MethodHandle> HANDLES = new HashMap<>();

  private Peer() {}

  /** Compiles the peer; where there is no compiler, the test that asks is skipped. */
  static synchronized void require() {
    if (!HANDLES.isEmpty()) {
      return;
    }
    SymbolLookup library = SymbolLookup.libraryLookup(compiled(), Arena.global());
    FUNCTIONS.forEach(
        (name, descriptor) ->
            HANDLES.put(
                name,
                Linker.nativeLinker()
                    .downcallHandle(library.find(name).orElseThrow(), descriptor)));
  }

  private static Path compiled() {
    try {
      Path library = Files.createDirectories(MODULE.resolve("target/c")).resolve("libpeer.so");
      Process compiler =
          new ProcessBuilder(
                  COMPILER,
                  "-std=gnu11",
                  "-O1",
                  "-Wall",
                  "-Wextra",
                  "-Werror",
                  "-shared",
                  "-fPIC",
                  "-pthread",
                  "-o",
                  library.toString(),
                  "src/test/c/peer.c")
              .directory(MODULE.toFile())
              .redirectErrorStream(true)
              .start();
      String said = new String(compiler.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(said).isEmpty();
      assertThat(compiler.waitFor()).isZero();
      return library;
    } catch (IOException e) {
      return abort("there is no C compiler: " + e.getMessage());
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static Object call(String function, Object... arguments) {
    try {
      return HANDLES.get(function).invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw new AssertionError(function, e);
    }
  }

  // ---- facts -----------------------------------------------------------------------------------

  static long[] facts(int count) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment facts = arena.allocate(MemoryLayout.sequenceLayout(count, JAVA_LONG));
      call("peer_facts", facts);
      return facts.toArray(JAVA_LONG);
    }
  }

  /** How many tensors the producer has lent and not got back. */
  static long outstanding() {
    return (long) call("peer_outstanding");
  }

  /** How many times a deleter of the producer was called. */
  static long deleted() {
    return (long) call("peer_deleted");
  }

  /** What it was called with last. */
  static long lastDeleted() {
    return ((MemorySegment) call("peer_last_deleted")).address();
  }

  // ---- the producer ----------------------------------------------------------------------------

  /** What the producer is to lend; begins as float32 of the shape [2, 3] without strides. */
  static final class Offer {
    int major = 1;
    int minor = 0;
    long flags = 0;
    int deviceType = 1;
    int deviceId = 0;
    int ndim = 2;
    int code = 2;
    int bits = 32;
    int lanes = 1;
    long @Nullable [] shape = {2, 3};
    long @Nullable [] strides = null;
    long byteOffset = 0;

    /** Where the numbers are; 0: in memory of the producer's own. */
    long data = 0;

    boolean nothingThere = false;
    float[] numbers = {1, 2, 3, 4, 5, 6};

    /** A DLManagedTensorVersioned. */
    MemorySegment versioned() {
      return lend(true);
    }

    /** A DLManagedTensor. */
    MemorySegment unversioned() {
      return lend(false);
    }

    private MemorySegment lend(boolean versioned) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment owned = MemorySegment.NULL;
        if (data == 0 && !nothingThere) {
          owned = (MemorySegment) call("peer_allocate", byteOffset + 4L * numbers.length);
          MemorySegment.copy(
              numbers,
              0,
              owned.reinterpret(byteOffset + 4L * numbers.length),
              ValueLayout.JAVA_FLOAT_UNALIGNED,
              byteOffset,
              numbers.length);
        }
        MemorySegment tensor = arena.allocate(Layouts.TENSOR);
        tensor.set(ADDRESS, Field.DATA, data != 0 ? MemorySegment.ofAddress(data) : owned);
        tensor.set(JAVA_INT, Field.DEVICE_TYPE, deviceType);
        tensor.set(JAVA_INT, Field.DEVICE_ID, deviceId);
        tensor.set(JAVA_INT, Field.NDIM, ndim);
        tensor.set(ValueLayout.JAVA_BYTE, Field.CODE, (byte) code);
        tensor.set(ValueLayout.JAVA_BYTE, Field.BITS, (byte) bits);
        tensor.set(ValueLayout.JAVA_SHORT, Field.LANES, (short) lanes);
        tensor.set(ADDRESS, Field.SHAPE, numbers(arena, shape));
        tensor.set(ADDRESS, Field.STRIDES, numbers(arena, strides));
        tensor.set(JAVA_LONG, Field.BYTE_OFFSET, byteOffset);
        return (MemorySegment)
            (versioned
                ? call("peer_versioned", major, minor, flags, tensor, owned)
                : call("peer_unversioned", tensor, owned));
      }
    }

    private static MemorySegment numbers(Arena arena, long @Nullable [] numbers) {
      return numbers == null ? MemorySegment.NULL : Segments.of(arena, numbers);
    }
  }

  static void withoutDeleter(MemorySegment managed) {
    call("peer_without_deleter", managed);
  }

  // ---- the consumer ----------------------------------------------------------------------------

  /** The numbers of an exported tensor as C reads them. */
  static float[] read(MemorySegment managed, int count) {
    return read("peer_read", managed, count);
  }

  /** The numbers of an exported tensor without a version as C reads them. */
  static float[] readUnversioned(MemorySegment managed, int count) {
    return read("peer_read_unversioned", managed, count);
  }

  private static float[] read(String function, MemorySegment managed, int count) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment numbers =
          arena.allocate(MemoryLayout.sequenceLayout(count, ValueLayout.JAVA_FLOAT));
      call(function, managed, numbers);
      return numbers.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  /** Uses memory until another thread calls {@link #letGo}. */
  static void hold(MemorySegment memory) {
    call("peer_hold", memory);
  }

  /** Returns when another thread is within {@link #hold}. */
  static void awaitHeld() {
    call("peer_await_held");
  }

  static void letGo() {
    call("peer_let_go");
  }

  static void negate(MemorySegment managed) {
    call("peer_negate", managed);
  }

  static void delete(MemorySegment managed) {
    call("peer_delete", managed);
  }

  static void deleteUnversioned(MemorySegment managed) {
    call("peer_delete_unversioned", managed);
  }

  static void deleteTwice(MemorySegment managed) {
    call("peer_delete_twice", managed);
  }

  /** Calls the deleters on threads of C, all at once. */
  static void deleteOnThreads(MemorySegment... managed) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment all = arena.allocate(MemoryLayout.sequenceLayout(managed.length, ADDRESS));
      for (int i = 0; i < managed.length; i++) {
        all.setAtIndex(ADDRESS, i, managed[i]);
      }
      assertThat(call("peer_delete_on_threads", all, managed.length)).isEqualTo(managed.length);
    }
  }
}
