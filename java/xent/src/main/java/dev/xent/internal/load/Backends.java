// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.OptionException;
import dev.xent.internal.kernels.JavaStack;
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
 * The choice of the backend of this process. It is made at first use, and stays, with its reason,
 * unless loading failed for a reason that may be temporary, such as a lack of file descriptors or
 * disk space. Then it is made again. If an error is thrown, such as a lack of memory, no choice is
 * made, and the next call makes it.
 */
public final class Backends {
  private static final ReentrantLock CHOOSING = new ReentrantLock();

  private static volatile @Nullable Backends chosen;

  // ---- used only while holding CHOOSING

  /**
   * The location of the loaded library. It is kept after later failures, because each load would
   * map another copy.
   */
  private static @Nullable String location;

  private static @Nullable Path locationOf;
  private static @Nullable NativeLibrary linked;

  /** Warnings that have been logged. */
  private static final Set<String> LOGGED = new HashSet<>();

  private final Settings settings;
  private final @Nullable NativeLibrary library;
  private final @Nullable NativeLibraryException failure;

  /** The delay before the next try, after a failure that may be temporary. */
  private final @Nullable Pause pause;

  /** Initialized at first use. */
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
   * Returns the choice of this process. Makes it if it was not made, or if it failed for a reason
   * that may be temporary.
   *
   * @return the backends from now on
   * @throws OptionException if a system property has an invalid value
   */
  public static Backends get() {
    return get(Backend.AUTO);
  }

  /**
   * Returns the choice for an operation.
   *
   * @param backend the operation's option
   */
  public static Backends get(Backend backend) {
    Backends made = chosen;
    return made != null && made.stays(backend) ? made : chooseAndLog(made, backend);
  }

  /** Whether a call may use this choice; a call that requires the library always retries first. */
  private boolean stays(Backend backend) {
    return pause == null
        || backend == Backend.REFERENCE
        || !isNativeRequired(backend) && !pause.isOver();
  }

  private static Backends chooseAndLog(@Nullable Backends seen, Backend backend) {
    if (seen == null || seen.isNativeRequired(backend)) {
      CHOOSING.lock();
    } else if (!CHOOSING.tryLock()) {
      return seen; // another thread is loading
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
    JavaStack.requireInitializer(); // of classes of Xent and the JDK
    if (before == null) {
      UnknownSettings.messages(System.getProperties().stringPropertyNames())
          .forEach(Backends::warnOnce);
    }
    Settings settings = before == null ? Settings.ofSystem() : before.settings;
    Pause pause = before == null || before.pause == null ? Pause.none() : before.pause.next();
    if (before != null) { // if this try throws, the next call waits
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
              "Xent computes with its Java reference, same bits but slow: %s (%s=require makes this"
                  + " an error, off silences it)",
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
   * Returns the kernels of a backend.
   *
   * @param backend the requested backend
   * @return its kernels
   * @throws NativeLibraryException if the native library is required and cannot be used
   */
  public Kernels kernels(Backend backend) {
    return kernels(backend, Isa.BEST);
  }

  /**
   * Returns the kernels of an operation.
   *
   * @param isa the requested instruction set
   * @return kernels that change to those of the library if the library can be loaded later
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

  /** The kernels of the library; {@code others} while it is not loaded. */
  Kernels kernels(Kernels others) {
    return library == null ? others : library.kernels();
  }

  /**
   * Returns the backend that {@link Backend#AUTO} selects.
   *
   * @return {@link Backend#NATIVE} or {@link Backend#REFERENCE}
   * @throws NativeLibraryException if the native library is required and cannot be used
   */
  public Backend backend() {
    return kernels(Backend.AUTO).isNative() ? Backend.NATIVE : Backend.REFERENCE;
  }

  /**
   * Returns the instruction set of an operation.
   *
   * @param isa the operation's option
   * @return the same; for {@link Isa#BEST}, the value of the system property
   */
  public Isa isa(Isa isa) {
    return isa == Isa.BEST ? settings.isa() : isa;
  }

  /**
   * Returns the instruction set that {@link Isa#BEST} selects.
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
   * Returns the instruction sets that operations can use in this process.
   *
   * @return without {@link Isa#BEST}, slowest first
   */
  public List<Isa> availableIsas() {
    return library == null ? List.of(Isa.SCALAR) : library.isas();
  }

  /**
   * Returns the location of the native library.
   *
   * @return a URL or a path; null without the native library
   */
  public @Nullable String libraryLocation() {
    return library == null ? null : library.location();
  }

  /**
   * Returns why the native library is not used.
   *
   * @return the reason; null if it is used
   */
  public @Nullable String fallbackReason() {
    return failure == null ? null : failure.getMessage();
  }

  /**
   * Returns why calls with Java arrays go through the linker even if they are rare.
   *
   * @return the reason; null if native methods pin the arrays, and without the native library
   */
  public @Nullable String unpinnedReason() {
    return library == null ? null : library.kernels().unpinnedReason();
  }

  /**
   * Returns the value for the JVM option {@code --enable-native-access}.
   *
   * @return the name of this module, or {@code ALL-UNNAMED}
   */
  public static String moduleName() {
    Module module = Backends.class.getModule();
    return module.isNamed() ? module.getName() : "ALL-UNNAMED";
  }

  /**
   * Returns the maximum number of threads of a call whose operation does not set one.
   *
   * @return at least 1
   */
  public int threads() {
    return Math.min(settings.threads(), Threads.LIMIT);
  }

  /** Returns the number of elements that is worth a thread. */
  public int elementsPerThread() {
    return settings.elementsPerThread();
  }
}
