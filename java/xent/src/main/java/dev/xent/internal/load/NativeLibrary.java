// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.NativeLibraryException;
import dev.xent.internal.kernels.NativeKernels;
import dev.xent.options.Isa;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * The native library, loaded by this class's loader, with its versions and results checked.
 *
 * @param kernels its functions
 * @param isas the instruction sets that this processor, operating system and library support,
 *     without {@link Isa#BEST}
 * @param bestIsa the best of them
 * @param location URL or path of the library
 */
record NativeLibrary(NativeKernels kernels, List<Isa> isas, Isa bestIsa, String location) {
  /** MAX_PATH of Windows: files may have longer paths, libraries may not. */
  private static final int LONGEST_OF_WINDOWS = 260;

  /**
   * Finds the library that the settings name, or otherwise the one in the jar.
   *
   * @throws NativeLibraryException if there is no such library, now or later
   */
  static void find(Settings settings) {
    if (settings.libraryPath() == null) {
      BundledLibrary.url(Platform.current());
    }
  }

  /**
   * Loads that library. A failure may be temporary.
   *
   * @return its URL or path, for {@link #link}
   * @throws NativeLibraryException with the reason
   */
  static String load(Settings settings) {
    Path explicit = settings.libraryPath();
    return explicit == null ? loadBundled(settings) : loadExplicit(explicit, settings);
  }

  private static String loadBundled(Settings settings) {
    BundledLibrary library = BundledLibrary.read(Platform.current());
    loadCopy(library.bytes(), library.location(), settings);
    return library.location();
  }

  private static String loadExplicit(Path file, Settings settings) {
    if (!Files.isRegularFile(file)) {
      throw new NativeLibraryException(message("%s=%s is not a file", Settings.LIBRARY_PATH, file));
    }
    Platform platform = Platform.current();
    if (platform.isLinux()) {
      ElfFile.requireComplete(file, platform.arch());
    }
    BundledLibrary.requireNotDamaged(file, platform);
    try {
      load(file, file.toString(), settings.temporaryDirectory());
    } catch (NativeLibraryException e) {
      if (!isLoadedElsewhere(e)) {
        throw e;
      }
      loadCopy(bytes(file), file.toString(), settings);
    }
    return file.toString();
  }

  /** Whether another class loader has loaded the file. Only one can, so this one needs a copy. */
  private static boolean isLoadedElsewhere(NativeLibraryException e) {
    return String.valueOf(e.getMessage()).contains("already loaded in another classloader");
  }

  static byte[] bytes(Path file) {
    // Unlike a FileChannel, this stream is not closed by an interrupt.
    try (InputStream stream = new FileInputStream(file.toFile())) {
      return stream.readAllBytes();
    } catch (IOException e) {
      throw new NativeLibraryException(message("cannot read %s: %s", file, e), e);
    }
  }

  private static void loadCopy(byte[] bytes, String location, Settings settings) {
    Platform platform = Platform.current();
    String fileName = platform.fileName();
    Path directory = settings.temporaryDirectory().path();
    if (platform.isWindows()) {
      PrivateCopy.removeLeft(directory, fileName);
    }
    try (PrivateCopy copy = PrivateCopy.write(bytes, directory, fileName)) {
      load(copy.file(), location, settings.temporaryDirectory());
    }
  }

  private static void load(Path file, String location, Settings.Directory directory) {
    try {
      System.load(file.toString());
    } catch (UnsatisfiedLinkError e) {
      // The JVM and the system name the file, which has another name at the next try.
      String message = String.valueOf(e.getMessage()).replace(file + ": ", "");
      throw new NativeLibraryException(
          message(
              "cannot load %s: %s%s", location, message, hint(file, location, directory, message)),
          e);
    } catch (IllegalCallerException e) {
      throw denied(location, e);
    }
  }

  private static NativeLibraryException denied(String location, Throwable cause) {
    return new NativeLibraryException(
        message(
            "cannot load %s: native access is denied; run java with --enable-native-access=%s",
            location, Backends.moduleName()),
        cause);
  }

  /** Whether the JVM denies loading native libraries. */
  static boolean isDenied(NativeLibraryException e) {
    return e.getCause() instanceof IllegalCallerException;
  }

  private static String hint(
      Path file, String location, Settings.Directory directory, String message) {
    if (message.contains("failed to map segment") || message.contains("not permitted")) {
      return file.toString().equals(location)
          ? "; move it to a file system that allows execution"
          : message(
              "; set %s (now %s) to a directory on a file system that allows execution",
              Settings.TEMPORARY_DIRECTORY, directory);
    }
    return Platform.current().isWindows() && file.toString().length() >= LONGEST_OF_WINDOWS
        ? message(
            "; Windows loads no library from a path of %d characters or more: set %s to a shorter"
                + " one",
            LONGEST_OF_WINDOWS, Settings.TEMPORARY_DIRECTORY)
        : "";
  }

  /**
   * Checks the versions of the loaded library before any other call, and its results before its
   * use.
   *
   * @throws NativeLibraryException if it cannot be used in this JVM
   */
  static NativeLibrary link(String location) {
    try {
      require(location, "ABI", NativeKernels.abiVersion(), BuildFacts.abiVersion());
      require(location, "numerics", NativeKernels.numericsVersion(), BuildFacts.numericsVersion());
      NativeKernels.requireLinker();
      NativeLibrary library =
          new NativeLibrary(new NativeKernels(), readIsas(), readBestIsa(), location);
      library.requireBits();
      return library;
    } catch (LinkageError e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      if (cause instanceof IllegalCallerException) {
        throw denied(location, cause); // before JDK 24 loading succeeds and linking is denied
      }
      if (cause instanceof UnsupportedOperationException) {
        throw uncallable(location, cause);
      }
      throw new NativeLibraryException(
          message("%s is not a library of this version of Xent: %s", location, cause.getMessage()),
          e);
    } catch (UnsupportedOperationException e) {
      throw uncallable(location, e);
    }
  }

  /** For example in a native image that was built without the metadata in the jar. */
  private static NativeLibraryException uncallable(String location, Throwable cause) {
    return new NativeLibraryException(
        message(
            "%s cannot be called: %s; take a Java runtime that has it, or a native image that was"
                + " built with the metadata in the jar",
            location, cause.getMessage()),
        cause);
  }

  private void requireBits() {
    String failure = SelfTest.failure(kernels, isas);
    if (failure != null) {
      throw new NativeLibraryException(
          message(
              "%s computes other bits than this version of Xent does: %s; take another build of the"
                  + " library",
              location, failure));
    }
  }

  private static void require(String location, String what, int actual, int expected) {
    if (actual != expected) {
      throw new NativeLibraryException(
          message(
              "%s has the %s version %d, this code needs %d; take the library of this version of"
                  + " Xent",
              location, what, actual, expected));
    }
  }

  private static List<Isa> readIsas() {
    return Arrays.stream(Isa.values())
        .filter(isa -> isa != Isa.BEST && NativeKernels.hasIsa(Codes.of(isa)))
        .toList();
  }

  private static Isa readBestIsa() {
    int best = NativeKernels.bestIsa();
    for (Isa isa : Isa.values()) {
      if (Codes.of(isa) == best) {
        return isa;
      }
    }
    throw new LinkageError("an instruction set with the unknown number " + best);
  }
}
