// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.options;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.OptionException;
import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.load.Backends;
import dev.xent.internal.load.Codes;
import dev.xent.internal.parallel.Threads;
import dev.xent.internal.plan.arrays.Described;
import dev.xent.internal.plan.arrays.Memory;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The backend, instruction set and threads of an operation.
 *
 * @param kernels the backend
 * @param isa the code of the instruction set, which the reference ignores; {@link Isa#BEST} if the
 *     library was not available when the operation was built
 * @param threads the threads that may work on a call
 */
public record Engine(Kernels kernels, int isa, Threads threads) {
  /** A bound on the length of path names, in bytes. */
  private static final int LONGEST_NAME = 32;

  /**
   * The engine for the requested backend, instruction set and threads.
   *
   * @throws OptionException for an instruction set that is not available here
   * @throws dev.xent.errors.NativeLibraryException for the native backend if it is not available
   */
  public static Engine of(Backend backend, Isa isa, Threads asked) {
    Backends backends = Backends.get(backend);
    Threads threads = asked.orDefaults(backends.threads(), backends.elementsPerThread());
    Isa wanted = backends.isa(isa);
    Kernels kernels = backends.kernels(backend, wanted);
    if (!kernels.isNative()) {
      return new Engine(kernels, Codes.of(wanted), threads);
    }
    if (isa == Isa.BEST) {
      return new Engine(kernels, Codes.of(backends.chosenIsa()), threads);
    }
    List<Isa> available = backends.availableIsas();
    if (!available.contains(isa)) {
      throw new OptionException(
          message(
              "isa is %s, which this processor or this build does not have: choose BEST or one of %s",
              isa, available));
    }
    return new Engine(kernels, Codes.of(isa), threads);
  }

  /** Adds the values that are not the defaults of this process. */
  public void describe(Described text) {
    Backends backends = Backends.get();
    Backend backend = kernels.isNative() ? Backend.NATIVE : Backend.REFERENCE;
    Backend usual = backends.libraryLocation() == null ? Backend.REFERENCE : Backend.NATIVE;
    text.option("backend", backend, usual);
    if (backend == Backend.NATIVE && code() != Codes.of(backends.chosenIsa())) {
      text.with("isa", isaName());
    }
    text.option("threads", threads.most(), backends.threads());
    if (threads.executor() != null) {
      text.with("executor", threads.executor().getClass().getName());
    }
  }

  /** Returns "native" or "reference". */
  public String backendName() {
    return kernels.isNative() ? "native" : "reference";
  }

  /** The name of the instruction set, for example "avx512"; "scalar" for the reference. */
  public String isaName() {
    if (!kernels.isNative()) {
      return "scalar";
    }
    int code = code();
    for (Isa each : Isa.values()) {
      if (each != Isa.BEST && Codes.of(each) == code) {
        return each.name().toLowerCase(Locale.ROOT);
      }
    }
    return "scalar";
  }

  /** The code of the instruction set, with {@link Isa#BEST} resolved. */
  private int code() {
    return isa == Codes.of(Isa.BEST) ? Codes.of(Backends.get().chosenIsa()) : isa;
  }

  /**
   * The name of a path, or null if none was used.
   *
   * @param path its number in a report; 0 in reports of the reference
   */
  public @Nullable String pathName(int path) {
    return path == 0 ? null : text(Memory.at(XentH.xent_path_name(path).address(), LONGEST_NAME));
  }

  /**
   * Reads a zero-terminated ASCII string. The method of MemorySegment has another name in JDK 21
   * than {@code getString}.
   */
  private static String text(MemorySegment name) {
    StringBuilder text = new StringBuilder();
    for (long i = 0; name.get(ValueLayout.JAVA_BYTE, i) != 0; i++) {
      text.append((char) name.get(ValueLayout.JAVA_BYTE, i));
    }
    return text.toString();
  }
}
