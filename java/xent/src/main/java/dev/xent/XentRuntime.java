// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.OptionException;
import dev.xent.internal.load.Backends;
import dev.xent.internal.load.BuildFacts;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The version of Xent, and what computes in this process: the native library or the reference, with
 * which instruction set and how many threads. Immutable.
 */
public final class XentRuntime {
  private final Backends backends;
  private final Backend backend;

  private XentRuntime(Backends backends) {
    this.backends = backends;
    this.backend = backends.backend();
  }

  /**
   * Returns what computes in this process. The first call loads the native library, as the first
   * operation does; later calls return the same facts, unless the library could not be loaded for a
   * reason that has passed.
   *
   * @return the facts
   * @throws NativeLibraryException when system properties require the native library and it cannot
   *     be loaded
   * @throws OptionException when a system property has a value that is not allowed
   */
  public static XentRuntime get() {
    return new XentRuntime(Backends.get());
  }

  /**
   * Returns the version of this library.
   *
   * @return "1.2.3"
   */
  public String version() {
    return BuildFacts.version();
  }

  /**
   * Returns the version of the C interface that this library calls; a native library with another
   * version is not loaded.
   *
   * @return XENT_ABI_VERSION
   */
  public int abiVersion() {
    return BuildFacts.abiVersion();
  }

  /**
   * Returns the version of the arithmetic: if two versions are equal, results are equal to the bit.
   *
   * @return XENT_NUMERICS_VERSION
   */
  public int numericsVersion() {
    return BuildFacts.numericsVersion();
  }

  /**
   * Returns the backend that {@link Backend#AUTO} selects.
   *
   * @return {@link Backend#NATIVE} or {@link Backend#REFERENCE}
   */
  public Backend backend() {
    return backend;
  }

  /**
   * Returns the instruction set that {@link Isa#BEST} selects.
   *
   * @return {@link Isa#SCALAR} with the reference
   */
  public Isa isa() {
    return backends.chosenIsa();
  }

  /**
   * Returns the instruction sets that operations can use in this process.
   *
   * @return without {@link Isa#BEST}, slowest first
   */
  public List<Isa> availableIsas() {
    return backends.availableIsas();
  }

  /**
   * Returns the location of the native library.
   *
   * @return a URL or a path; null with the reference
   */
  public @Nullable String libraryLocation() {
    return backends.libraryLocation();
  }

  /**
   * Returns why the reference is used instead of the native library.
   *
   * @return one sentence; null with the native library
   */
  public @Nullable String fallbackReason() {
    return backends.fallbackReason();
  }

  /**
   * Returns why this JVM cannot pin Java arrays for the native library. Rare calls on Java arrays
   * are slower then, by up to 80 microseconds each, because they go through the JVM's linker, which
   * pins no arrays.
   *
   * @return one sentence; null if arrays are pinned, and with the reference
   */
  public @Nullable String unpinnedReason() {
    return backends.unpinnedReason();
  }

  /**
   * Returns the maximum number of threads of a call whose operation does not set one.
   *
   * @return the system property {@code dev.xent.threads}, or the number of processors
   */
  public int threads() {
    return backends.threads();
  }

  /**
   * Returns these facts in one line.
   *
   * @return "xent 1.2.3, native avx512, numerics 1"
   */
  @Override
  public String toString() {
    String name = backend.name().toLowerCase(Locale.ROOT);
    String how =
        fallbackReason() == null
            ? " " + isa().name().toLowerCase(Locale.ROOT)
            : " (" + fallbackReason() + ")";
    return message("xent %s, %s%s, numerics %d", version(), name, how, numericsVersion());
  }
}
