// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.OptionException;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.NativeKernels;
import dev.xent.internal.kernels.reference.ReferenceKernels;
import dev.xent.internal.load.Settings.NativeUse;
import dev.xent.internal.parallel.Threads;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Who computes in this process. The choice is made once, when first asked for, and keeps its
 * reason; asked again after a failure it fails again with the same reason.
 */
public final class Backends {
  private static volatile @Nullable Backends chosen;

  /** Kept where other settings are refused after it: each load would map another copy. */
  private static @Nullable NativeLibrary loaded;

  private static @Nullable Path loadedPath;

  private final Settings settings;
  private final @Nullable NativeLibrary library;
  private final @Nullable NativeLibraryException failure;

  /** Loaded when it is needed. */
  private static final class Reference {
    static final Kernels KERNELS = new ReferenceKernels();
  }

  private Backends(
      Settings settings,
      @Nullable NativeLibrary library,
      @Nullable NativeLibraryException failure) {
    this.settings = settings;
    this.library = library;
    this.failure = failure;
  }

  /**
   * Returns the choice of this process, and makes it where it has not been made.
   *
   * @return the one instance
   * @throws OptionException when a system property has a value that cannot be
   */
  public static Backends get() {
    Backends made = chosen;
    return made != null ? made : chooseAndLog();
  }

  private static Backends chooseAndLog() {
    try {
      return choose();
    } finally {
      Log.flush();
    }
  }

  private static synchronized Backends choose() {
    Backends made = chosen;
    if (made == null) {
      made = choose(Settings.ofSystem());
      chosen = made;
    }
    return made;
  }

  private static Backends choose(Settings settings) {
    if (settings.nativeUse() == NativeUse.OFF) {
      String reason = Settings.NATIVE + "=off";
      return new Backends(settings, null, new NativeLibraryException(reason));
    }
    try {
      if (loaded == null || !Objects.equals(loadedPath, settings.libraryPath())) {
        loaded = NativeLibrary.load(settings);
        loadedPath = settings.libraryPath();
      }
      requireAvailable(Settings.ISA, settings.isa(), loaded);
      return new Backends(settings, loaded, null);
    } catch (NativeLibraryException e) {
      Backends backends = new Backends(settings, null, e);
      if (!backends.isNativeRequired()) {
        Log.warning(
            String.format(
                Locale.ROOT,
                "Xent computes with its Java reference, same bits but slow: %s (%s=require makes this an error, off silences it)",
                e.getMessage(),
                Settings.NATIVE));
      }
      return backends;
    }
  }

  private boolean isNativeRequired() {
    return settings.nativeUse() == NativeUse.REQUIRE || settings.libraryPath() != null;
  }

  private static void requireAvailable(String name, Isa isa, NativeLibrary library) {
    if (isa != Isa.BEST && !library.isas().contains(isa)) {
      throw new OptionException(
          String.format(
              Locale.ROOT,
              "%s=%s is not available on this machine or in this build; the best here is %s",
              name,
              Settings.lowerCase(isa),
              Settings.lowerCase(library.bestIsa())));
    }
  }

  /**
   * Returns who computes.
   *
   * @param backend what was asked for
   * @return its kernels
   * @throws NativeLibraryException when the native library is required and cannot be used
   */
  public Kernels kernels(Backend backend) {
    if (backend == Backend.REFERENCE) {
      return Reference.KERNELS;
    }
    if (library != null) {
      return library.kernels();
    }
    if (backend == Backend.NATIVE || isNativeRequired()) {
      throw new NativeLibraryException(
          "the native library is required and cannot be used: " + fallbackReason(), failure);
    }
    return Reference.KERNELS;
  }

  /**
   * Returns who {@link Backend#AUTO} is.
   *
   * @return {@link Backend#NATIVE} or {@link Backend#REFERENCE}
   * @throws NativeLibraryException when the native library is required and cannot be used
   */
  public Backend backend() {
    return kernels(Backend.AUTO) instanceof NativeKernels ? Backend.NATIVE : Backend.REFERENCE;
  }

  /**
   * Returns what {@link Isa#BEST} is.
   *
   * @return an instruction set other than {@link Isa#BEST}; {@link Isa#SCALAR} without the native
   *     library
   */
  public Isa chosenIsa() {
    if (library == null) {
      return Isa.SCALAR;
    }
    return settings.isa() == Isa.BEST ? library.bestIsa() : settings.isa();
  }

  /**
   * Returns the instruction sets that can be asked for here.
   *
   * @return without {@link Isa#BEST}, slowest first
   */
  public List<Isa> availableIsas() {
    return library == null ? List.of(Isa.SCALAR) : library.isas();
  }

  /**
   * Returns where the native library came from.
   *
   * @return a URL or a path; null without the native library
   */
  public @Nullable String libraryLocation() {
    return library == null ? null : library.location();
  }

  /**
   * Returns why the native library does not compute.
   *
   * @return the reason; null where it does
   */
  public @Nullable String fallbackReason() {
    return failure == null ? null : failure.getMessage();
  }

  /**
   * Returns what native access is given to, as the option of the JVM says it.
   *
   * @return the name of a module, or of all that have none
   */
  public static String moduleName() {
    Module module = Backends.class.getModule();
    return module.isNamed() ? module.getName() : "ALL-UNNAMED";
  }

  /**
   * Returns how many threads work on a call, at most, where an operation does not say.
   *
   * @return at least 1
   */
  public int threads() {
    return Math.min(settings.threads(), Threads.LIMIT);
  }
}
