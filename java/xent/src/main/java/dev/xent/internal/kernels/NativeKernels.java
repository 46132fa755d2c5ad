// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xent.internal.ffi.XentH;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.ref.Reference;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The kernels of the native library. Create an instance only after this class's loader has loaded
 * the library.
 *
 * <p>A call goes through one of three entry points of xent.h: for few arrays, for many, or for a
 * prepared call. A native method ({@link Jni}) or a handle of the linker calls it. Critical handles
 * accept heap arrays and do not switch to the native thread state. This is cheaper for short calls,
 * but the garbage collector waits until they return. So short calls and calls with heap arrays use
 * critical handles, and the caller keeps calls with heap arrays short. Memory that another thread
 * may close is passed as segments, so that the linker keeps it open until the call returns.
 *
 * <p>The first call that needs a handle creates it, which takes ten to thirty milliseconds.
 */
public final class NativeKernels implements Kernels {
  /**
   * The {@link Cost} up to which a call is critical. The transition to the native state and back
   * takes as long as a dozen elements, and a call of this cost delays the garbage collector by
   * about a microsecond.
   */
  static final long BRIEF = 2048;

  /** The address of a prepared call, for a call that is made. */
  private static final long NOT_PREPARED = 0;

  /** Whether the linker accepts segments of Java arrays; that of JDK 21 does not. */
  static final boolean LINKER_TAKES_ARRAYS = Runtime.version().feature() >= 22;

  /** Whether loading a library requires native access, so that a denied access failed then. */
  private static final boolean LOADING_NEEDS_ACCESS = Runtime.version().feature() >= 24;

  /** Whether the linker passes Java arrays to the library without a copy. */
  private final boolean takesArrays;

  /** Why native methods are not passed Java arrays; null if they are. */
  private final @Nullable String unpinnedReason;

  /** Kernels that copy Java arrays if neither the linker nor native methods accept them. */
  public NativeKernels() {
    this(LINKER_TAKES_ARRAYS, Pinning.refusal());
  }

  NativeKernels(boolean takesArrays, @Nullable String unpinnedReason) {
    this.takesArrays = takesArrays;
    this.unpinnedReason = unpinnedReason;
  }

  /** The handles. Each has its own holder class, which its first use initializes. */
  private enum Handle {
    FEW,
    FEW_CRITICAL,
    MANY,
    MANY_CRITICAL,
    PREPARED,
    PREPARED_CRITICAL,
    ADDRESSES,
    ADDRESSES_CRITICAL,
    SUM,
    SUM_CRITICAL,
    MERGE,
    SUM_VALUE,
    SAMPLE_WORKSPACE,
    LINEAR_WORKSPACE,
    BIASES_WORKSPACE,
    BIASES;

    private boolean exists;

    /** Must be called before a use of the class; see {@link JavaStack#requireInitializer}. */
    void require() {
      if (!exists) {
        JavaStack.requireInitializer();
      }
    }

    /** Records that the class has its handle. */
    MethodHandle created(MethodHandle handle) {
      exists = true;
      return handle;
    }
  }

  private static final class FewArrays {
    static final MethodHandle HANDLE =
        Handle.FEW.created(entryPoint("xent_few_at", FunctionCall.FEW_ARRAYS));
  }

  private static final class FewArraysCritical {
    static final MethodHandle HANDLE =
        Handle.FEW_CRITICAL.created(entryPoint("xent_few_at", FunctionCall.FEW_ARRAYS, critical()));
  }

  private static final class ManyArrays {
    static final MethodHandle HANDLE =
        Handle.MANY.created(entryPoint("xent_many_at", Function.MOST_ARRAYS));
  }

  private static final class ManyArraysCritical {
    static final MethodHandle HANDLE =
        Handle.MANY_CRITICAL.created(entryPoint("xent_many_at", Function.MOST_ARRAYS, critical()));
  }

  private static final class Prepared {
    static final MethodHandle HANDLE = Handle.PREPARED.created(runAt());
  }

  private static final class PreparedCritical {
    static final MethodHandle HANDLE = Handle.PREPARED_CRITICAL.created(runAt(critical()));
  }

  private static final class Addresses {
    static final MethodHandle HANDLE = Handle.ADDRESSES.created(runAtAddresses());
  }

  private static final class AddressesCritical {
    static final MethodHandle HANDLE =
        Handle.ADDRESSES_CRITICAL.created(runAtAddresses(critical()));
  }

  private static MethodHandle runAtAddresses(Linker.Option... options) {
    return Linker.nativeLinker().downcallHandle(find("xent_run_at"), numbersDescriptor(), options);
  }

  private static final class ExactSumAdd {
    static final MethodHandle HANDLE = Handle.SUM.created(XentH.xent_exact_sum_add$handle());
  }

  private static final class ExactSumAddCritical {
    static final MethodHandle HANDLE =
        Handle.SUM_CRITICAL.created(
            Linker.nativeLinker()
                .downcallHandle(
                    XentH.xent_exact_sum_add$address(),
                    XentH.xent_exact_sum_add$descriptor(),
                    critical()));
  }

  private static MethodHandle entryPoint(String function, int arrays, Linker.Option... options) {
    return Linker.nativeLinker().downcallHandle(find(function), descriptor(arrays), options);
  }

  private static MethodHandle runAt(Linker.Option... options) {
    return Linker.nativeLinker().downcallHandle(find("xent_run_at"), runDescriptor(), options);
  }

  private static MemorySegment find(String function) {
    return SymbolLookup.loaderLookup()
        .find(function)
        .orElseThrow(() -> new UnsatisfiedLinkError("there is no function " + function));
  }

  /**
   * The critical option, by reflection: JDK 21 has another name for it, and no parameter for heap
   * arrays.
   *
   * @throws UnsupportedOperationException in a native image whose metadata lacks the method
   */
  private static MethodHandle criticalOption() {
    Class<Linker.Option> option = Linker.Option.class;
    MethodHandles.Lookup lookup = MethodHandles.publicLookup();
    try {
      return LINKER_TAKES_ARRAYS
          ? lookup.findStatic(option, "critical", MethodType.methodType(option, boolean.class))
          : lookup.findStatic(option, "isTrivial", MethodType.methodType(option));
    } catch (ReflectiveOperationException e) {
      throw new UnsupportedOperationException("this Java runtime has " + e.getMessage(), e);
    }
  }

  private static Linker.Option critical() {
    MethodHandle option = criticalOption();
    try {
      return LINKER_TAKES_ARRAYS
          ? (Linker.Option) option.invokeExact(true)
          : (Linker.Option) option.invokeExact();
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  /**
   * Fails now, instead of in a later call, if the linker cannot be used: native methods make the
   * first calls.
   *
   * @throws UnsupportedOperationException in a native image whose metadata lacks an option
   * @throws LinkageError if native access is denied and loading a library did not require it
   */
  public static void requireLinker() {
    if (LOADING_NEEDS_ACCESS) {
      criticalOption();
    } else {
      Reference.reachabilityFence(FewArraysCritical.HANDLE); // creates a handle, which takes longer
    }
  }

  /**
   * The entry points of calls: prepared call, function, struct, mask, arrays. Structs are numbers,
   * because only the caller can free them.
   */
  static FunctionDescriptor descriptor(int arrays) {
    return descriptor(arrays, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG);
  }

  /** Runs of prepared calls: prepared call, mask, arrays. */
  static FunctionDescriptor runDescriptor() {
    return descriptor(FunctionCall.FEW_ARRAYS, ADDRESS, JAVA_LONG, JAVA_LONG);
  }

  /** The same with arrays whose addresses are passed as numbers. */
  static FunctionDescriptor numbersDescriptor() {
    return descriptor(FunctionCall.FEW_ARRAYS, JAVA_LONG, JAVA_LONG, JAVA_LONG);
  }

  private static FunctionDescriptor descriptor(
      int arrays, MemoryLayout array, MemoryLayout... first) {
    MemoryLayout[] arguments = Arrays.copyOf(first, first.length + arrays);
    Arrays.fill(arguments, first.length, arguments.length, array);
    return FunctionDescriptor.of(JAVA_INT, arguments);
  }

  /** No function declares an exception, so the linker throws only unchecked ones. */
  static RuntimeException unchecked(Throwable thrown) {
    if (thrown instanceof Error error) {
      throw error;
    }
    return (RuntimeException) thrown;
  }

  // ---- facts ------------------------------------------------------------------------------------

  /** The version of the library's binary interface. */
  public static int abiVersion() {
    return Jni.BOUND ? Jni.abi() : XentH.xent_abi_version();
  }

  /** The version of the library's numerics. */
  public static int numericsVersion() {
    return Jni.BOUND ? Jni.numerics() : XentH.xent_numerics_version();
  }

  /** Whether both the library and the processor have the instruction set with a number. */
  public static boolean hasIsa(int isa) {
    return (Jni.BOUND ? Jni.has(isa) : XentH.xent_has_isa(isa)) != 0;
  }

  /** The number of the best instruction set. */
  public static int bestIsa() {
    return Jni.BOUND ? Jni.best() : XentH.xent_best_isa();
  }

  // ---- calls ------------------------------------------------------------------------------------

  private boolean isCritical(FunctionCall call) {
    return takesArrays && call.isOnHeap() || isBrief(call);
  }

  @Override
  public boolean isNative() {
    return true;
  }

  @Override
  public boolean hasStack(long bytes) {
    return Jni.BOUND && Jni.stack() >= bytes;
  }

  /** Why native methods are not passed Java arrays; null if they are. */
  public @Nullable String unpinnedReason() {
    return unpinnedReason;
  }

  @Override
  public boolean copiesArrays() {
    return !takesArrays && unpinnedReason != null;
  }

  @Override
  public int run(FunctionCall call) {
    return isLinked(call) ? runAsItIs(call, NOT_PREPARED) : runOnHeap(call);
  }

  /** Whether the linker accepts the memory of a call. */
  private boolean isLinked(FunctionCall call) {
    return takesArrays || !call.isOnHeap();
  }

  /** Whether native methods accept the memory of a call. */
  private boolean isForMethods(FunctionCall call) {
    return Jni.BOUND && call.isHeld() && (unpinnedReason == null || !call.isOnHeap());
  }

  /**
   * Runs the call by a native method, which accepts Java arrays that the linker does not accept.
   */
  private int runOnHeap(FunctionCall call) {
    int status = Jni.NOT_PINNED;
    if (isForMethods(call)) {
      status = byMethod(call, NOT_PREPARED, call.struct());
      Reference.reachabilityFence(call);
    }
    return status == Jni.NOT_PINNED ? runOnBlocks(call) : status;
  }

  private int runOnBlocks(FunctionCall call) {
    ArrayBlocks blocks = call.blocks();
    blocks.describe(call);
    boolean wrote = false;
    try {
      blocks.enter(call);
      int status = runAsItIs(call, NOT_PREPARED);
      wrote = status == Status.OK;
      return status;
    } finally {
      blocks.leave(call, wrote);
    }
  }

  /**
   * Makes a call, or prepares it.
   *
   * @param prepared the address of the prepared call, or NOT_PREPARED
   */
  private int runAsItIs(FunctionCall call, long prepared) {
    try {
      long struct = call.struct();
      int status = Jni.NOT_PINNED;
      if (isLinked(call) && isForMethods(call) && !call.rate.isHigh()) {
        status = byMethod(call, prepared, struct);
      }
      if (status != Jni.NOT_PINNED) {
        return status;
      }
      return call.hasFewArrays()
          ? few(isCritical(call), prepared, call, struct, call.few)
          : many(isCritical(call), call, struct, call.arrays);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    } finally {
      Reference.reachabilityFence(call);
    }
  }

  @Override
  public boolean prepare(PreparedKernel kernel) {
    FunctionCall call = kernel.functionCall();
    boolean usesJni = isForMethods(call);
    boolean linked = isLinked(call);
    if (!call.hasFewArrays() || !linked && !usesJni) {
      return false;
    }
    kernel.prepared(
        isCritical(call), call.isHeld() && !call.isOnHeap(), linked, usesJni, call.passed());
    long prepared = kernel.prepared.address();
    int status = linked ? runAsItIs(call, prepared) : byMethod(call, prepared, call.struct());
    Reference.reachabilityFence(kernel);
    return status == Status.OK;
  }

  /** Runs a prepared call on arrays that the linker keeps open. */
  static int runPrepared(
      boolean critical,
      long prepared,
      long mask,
      MemorySegment a,
      MemorySegment b,
      MemorySegment c,
      MemorySegment d,
      MemorySegment e,
      MemorySegment f) {
    (critical ? Handle.PREPARED_CRITICAL : Handle.PREPARED).require();
    try {
      return critical
          ? (int) PreparedCritical.HANDLE.invokeExact(prepared, mask, a, b, c, d, e, f)
          : (int) Prepared.HANDLE.invokeExact(prepared, mask, a, b, c, d, e, f);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  /** As above, on addresses whose memory the caller keeps open. */
  static int runPrepared(
      boolean critical, long prepared, long mask, long a, long b, long c, long d, long e, long f) {
    (critical ? Handle.ADDRESSES_CRITICAL : Handle.ADDRESSES).require();
    try {
      return critical
          ? (int) AddressesCritical.HANDLE.invokeExact(prepared, mask, a, b, c, d, e, f)
          : (int) Addresses.HANDLE.invokeExact(prepared, mask, a, b, c, d, e, f);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  /** Calls a native method, on arrays that are {@link FunctionCall#isHeld held}. */
  private static int byMethod(FunctionCall call, long prepared, long struct) {
    int function = call.function().number;
    if (!call.hasFewArrays()) {
      return Jni.many(function, struct, call.passed(), call.bases, call.addresses());
    }
    MemorySegment[] s = call.few;
    @Nullable Object[] array = call.fewBases;
    return Jni.call(
        prepared,
        function,
        struct,
        call.passed(),
        array[0],
        s[0].address(),
        array[1],
        s[1].address(),
        array[2],
        s[2].address(),
        array[3],
        s[3].address(),
        array[4],
        s[4].address(),
        array[5],
        s[5].address());
  }

  private static int few(
      boolean critical, long prepared, FunctionCall call, long struct, MemorySegment[] a)
      throws Throwable {
    (critical ? Handle.FEW_CRITICAL : Handle.FEW).require();
    int function = call.function().number;
    long mask = call.passed();
    return critical
        ? (int)
            FewArraysCritical.HANDLE.invokeExact(
                prepared, function, struct, mask, a[0], a[1], a[2], a[3], a[4], a[5])
        : (int)
            FewArrays.HANDLE.invokeExact(
                prepared, function, struct, mask, a[0], a[1], a[2], a[3], a[4], a[5]);
  }

  private static int many(boolean critical, FunctionCall call, long struct, MemorySegment[] a)
      throws Throwable {
    (critical ? Handle.MANY_CRITICAL : Handle.MANY).require();
    int function = call.function().number;
    long mask = call.passed();
    return critical
        ? (int)
            ManyArraysCritical.HANDLE.invokeExact(
                NOT_PREPARED,
                function,
                struct,
                mask,
                a[0],
                a[1],
                a[2],
                a[3],
                a[4],
                a[5],
                a[6],
                a[7],
                a[8],
                a[9],
                a[10],
                a[11],
                a[12],
                a[13],
                a[14],
                a[15],
                a[16],
                a[17],
                a[18],
                a[19],
                a[20],
                a[21],
                a[22],
                a[23],
                a[24],
                a[25],
                a[26],
                a[27],
                a[28],
                a[29],
                a[30],
                a[31])
        : (int)
            ManyArrays.HANDLE.invokeExact(
                NOT_PREPARED,
                function,
                struct,
                mask,
                a[0],
                a[1],
                a[2],
                a[3],
                a[4],
                a[5],
                a[6],
                a[7],
                a[8],
                a[9],
                a[10],
                a[11],
                a[12],
                a[13],
                a[14],
                a[15],
                a[16],
                a[17],
                a[18],
                a[19],
                a[20],
                a[21],
                a[22],
                a[23],
                a[24],
                a[25],
                a[26],
                a[27],
                a[28],
                a[29],
                a[30],
                a[31]);
  }

  /** Whether the call is short enough for the garbage collector to wait. */
  private static boolean isBrief(FunctionCall call) {
    return switch (call.function()) {
      case LINEAR_CROSS_ENTROPY, LINEAR_CROSS_ENTROPY_BACKWARD, LINEAR_STATES -> false;
      // The lists of all shards take longer.
      case SAMPLE -> call.shape().allClasses == 0 && hasLittleEffort(call);
      default -> hasLittleEffort(call);
    };
  }

  private static boolean hasLittleEffort(FunctionCall call) {
    return Cost.of(call.rowEnd() - call.rowBegin(), call.classEnd() - call.classBegin()) <= BRIEF;
  }

  @Override
  public long sampleWorkspace(long classes, long tokens) {
    if (Jni.BOUND) {
      return Jni.workspace(classes, tokens);
    }
    Handle.SAMPLE_WORKSPACE.require();
    long size = XentH.xent_sample_workspace(classes, tokens);
    Handle.SAMPLE_WORKSPACE.exists = true;
    return size;
  }

  @Override
  public long linearWorkspace(long rows, long features, long classes, int contents) {
    Handle.LINEAR_WORKSPACE.require();
    long size = XentH.xent_linear_workspace(rows, features, classes, contents);
    Handle.LINEAR_WORKSPACE.exists = true;
    return size;
  }

  @Override
  public long textBiasesWorkspace(long tokens, long listed) {
    if (Jni.BOUND) {
      return Jni.room(tokens, listed);
    }
    Handle.BIASES_WORKSPACE.require();
    long size = XentH.xent_text_biases_workspace(tokens, listed);
    Handle.BIASES_WORKSPACE.exists = true;
    return size;
  }

  @Override
  public int textBiases(TextBiases call) {
    try {
      if (Jni.BOUND) {
        return Jni.biases(call.struct().address());
      }
      Handle.BIASES.require();
      int status = XentH.xent_text_biases(call.struct());
      Handle.BIASES.exists = true;
      return status;
    } finally {
      Reference.reachabilityFence(call);
    }
  }

  @Override
  public int exactSumAdd(
      MemorySegment exactSum, MemorySegment values, ElementType type, long stride, long count) {
    if (!takesArrays && !values.isNative()) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment copy = arena.allocate(values.byteSize(), Double.BYTES).copyFrom(values);
        return exactSumAdd(exactSum, copy, type, stride, count);
      }
    }
    boolean critical = count <= BRIEF || !values.isNative();
    int number = type.number();
    (critical ? Handle.SUM_CRITICAL : Handle.SUM).require();
    try {
      return critical
          ? (int) ExactSumAddCritical.HANDLE.invokeExact(exactSum, values, number, stride, count)
          : (int) ExactSumAdd.HANDLE.invokeExact(exactSum, values, number, stride, count);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  @Override
  public int exactSumMerge(MemorySegment exactSum, MemorySegment other) {
    Handle.MERGE.require();
    int status = XentH.xent_exact_sum_merge(exactSum, other);
    Handle.MERGE.exists = true;
    return status;
  }

  @Override
  public double exactSumValue(MemorySegment exactSum) {
    if (!Jni.BOUND) {
      Handle.SUM_VALUE.require();
      double value = XentH.xent_exact_sum_value(exactSum);
      Handle.SUM_VALUE.exists = true;
      return value;
    }
    double value = Jni.value(exactSum.address());
    Reference.reachabilityFence(exactSum);
    return value;
  }
}
