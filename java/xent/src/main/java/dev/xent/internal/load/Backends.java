// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.OptionException;
import dev.xent.internal.kernels.Kernels;
import dev.xent.internal.kernels.reference.ReferenceKernels;
import dev.xent.internal.load.Settings.NativeUse;
import dev.xent.internal.parallel.Threads;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Who computes in this process. The choice is made when first asked for. It stays, with its reason,
 * unless loading failed for what may pass, such as a lack of descriptors or of room on a disk. Then
 * it is made again. An error, such as a lack of memory, is no choice: the next call makes it.
 */
public final class Backends {
  private static final ReentrantLock CHOOSING = new ReentrantLock();

  private static volatile @Nullable Backends chosen;

  // ---- of the thread that chooses

  /** What has been loaded, kept whatever fails then: each load would map another copy. */
  private static @Nullable String location;

  private static @Nullable Path locationOf;
  private static @Nullable NativeLibrary linked;

  /** Warnings that have been logged. */
  private static final Set<String> LOGGED = new HashSet<>();

  private final Settings settings;
  private final @Nullable NativeLibrary library;
  private final @Nullable NativeLibraryException failure;

  /** After a failure that may pass. */
  private final @Nullable Pause pause;

  /** Loaded when it is needed. */
  private static final class Reference {
    static final Kernels KERNELS = new ReferenceKernels();
  }

  private Backends(
      Settings settings,
      @Nullable NativeLibrary library,
      @Nullable NativeLibraryException failure,
      @Nullable Pause pause) {
    this.settings = settings;
    this.library = library;
    this.failure = failure;
    this.pause = pause;
  }

  /**
   * Returns the choice of this process, and makes it if that has not been done, or has failed for a
   * reason that may have passed.
   *
   * @return who computes from now on
   * @throws OptionException when a system property has a value that cannot be
   */
  public static Backends get() {
    return get(Backend.AUTO);
  }

  /**
   * The same for an operation.
   *
   * @param backend what it asks for
   */
  public static Backends get(Backend backend) {
    Backends made = chosen;
    return made != null && made.stays(backend) ? made : chooseAndLog(made, backend);
  }

  /** A call that fails without the library never fails without a try. */
  private boolean stays(Backend backend) {
    return pause == null
        || backend == Backend.REFERENCE
        || !isNativeRequired(backend) && !pause.isOver();
  }

  private static Backends chooseAndLog(@Nullable Backends seen, Backend backend) {
    if (seen == null || seen.isNativeRequired(backend)) {
      CHOOSING.lock();
    } else if (!CHOOSING.tryLock()) {
      return seen; // another thread tries
    }
    try {
      Backends made = chosen;
      return made == null || made == seen ? choose(made) : made;
    } finally {
      CHOOSING.unlock();
      Log.flush();
    }
  }

  private static Backends choose(@Nullable Backends before) {
    if (before == null) {
      UnknownSettings.messages(System.getProperties().stringPropertyNames())
          .forEach(Backends::warnOnce);
    }
    Settings settings = before == null ? Settings.ofSystem() : before.settings;
    Pause pause = before == null || before.pause == null ? Pause.none() : before.pause.next();
    if (before != null) { // whatever happens, the next call does not try at once
      chosen = new Backends(settings, null, before.failure, pause);
    }
    Backends made = choose(settings, pause);
    if (before != null && made.library != null && !before.isNativeRequired(Backend.AUTO)) {
      Log.info("Xent computes with its native library from now on");
    }
    chosen = made;
    return made;
  }

  private static Backends choose(Settings settings, Pause pause) {
    if (settings.nativeUse() == NativeUse.OFF) {
      String reason = Settings.NATIVE + "=off";
      return new Backends(settings, null, new NativeLibraryException(reason), null);
    }
    boolean loading = false;
    try {
      if (location == null || !Objects.equals(locationOf, settings.libraryPath())) {
        NativeLibrary.find(settings);
        loading = true;
        location = NativeLibrary.load(settings);
        locationOf = settings.libraryPath();
        linked = null;
        loading = false;
      }
      if (linked == null) {
        linked = NativeLibrary.link(location);
      }
      requireAvailable(Settings.ISA, settings.isa(), linked);
      return new Backends(settings, linked, null, null);
    } catch (NativeLibraryException e) {
      return failed(settings, e, loading && !NativeLibrary.isDenied(e) ? pause : null);
    }
  }

  private static Backends failed(
      Settings settings, NativeLibraryException failure, @Nullable Pause pause) {
    Backends backends = new Backends(settings, null, failure, pause);
    if (!backends.isNativeRequired(Backend.AUTO)) {
      warnOnce(
          message(
              "Xent computes with its Java reference, same bits but slow: %s (%s=require makes this an error, off silences it)",
              failure.getMessage(), Settings.NATIVE));
    }
    return backends;
  }

  private static void warnOnce(String message) {
    if (LOGGED.add(message)) {
      Log.warning(message);
    }
  }

  private boolean isNativeRequired(Backend backend) {
    return backend == Backend.NATIVE
        || settings.nativeUse() == NativeUse.REQUIRE
        || settings.libraryPath() != null;
  }

  private static void requireAvailable(String name, Isa isa, NativeLibrary library) {
    if (isa != Isa.BEST && !library.isas().contains(isa)) {
      throw new OptionException(
          message(
              "%s=%s is not available on this machine or in this build; the best here is %s",
              name, Settings.lowerCase(isa), Settings.lowerCase(library.bestIsa())));
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
    return kernels(backend, Isa.BEST);
  }

  /**
   * Returns who computes for an operation.
   *
   * @param isa the instruction set that it asks for
   * @return kernels that change to those of the library, if that may be loaded later
   */
  public Kernels kernels(Backend backend, Isa isa) {
    if (backend == Backend.REFERENCE) {
      return Reference.KERNELS;
    }
    if (library != null) {
      return library.kernels();
    }
    if (isNativeRequired(backend)) {
      throw new NativeLibraryException(
          "the native library is required and cannot be used: " + fallbackReason(), failure);
    }
    return pause == null ? Reference.KERNELS : new LateKernels(Reference.KERNELS, isa);
  }

  /** Those of the library; others as long as there is none. */
  Kernels kernels(Kernels others) {
    return library == null ? others : library.kernels();
  }

  /**
   * Returns who {@link Backend#AUTO} is.
   *
   * @return {@link Backend#NATIVE} or {@link Backend#REFERENCE}
   * @throws NativeLibraryException when the native library is required and cannot be used
   */
  public Backend backend() {
    return kernels(Backend.AUTO).isNative() ? Backend.NATIVE : Backend.REFERENCE;
  }

  /**
   * Returns what an operation asks for.
   *
   * @param isa what it says itself
   * @return the same, or what the system property says in place of {@link Isa#BEST}
   */
  public Isa isa(Isa isa) {
    return isa == Isa.BEST ? settings.isa() : isa;
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
