// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import static dev.xent.internal.text.Messages.message;

import dev.xent.errors.NativeLibraryException;
import dev.xent.errors.OptionException;
import dev.xent.options.Isa;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * All system properties that Xent reads. They are read once, when the first operation is made or
 * {@code XentRuntime.get()} is first called. An invalid value is rejected with the name of its
 * property.
 *
 * @param libraryPath the value of {@link #LIBRARY_PATH}, or null
 * @param temporaryDirectory the value of {@link #TEMPORARY_DIRECTORY}, or the JVM's. Only a copy of
 *     the library needs it, so what it names is looked at when one is written.
 * @param isa the value of {@link #ISA}
 * @param nativeUse the value of {@link #NATIVE}
 * @param threads the value of {@link #THREADS}, or the number of processors
 * @param elementsPerThread the value of {@link #ELEMENTS_PER_THREAD}
 */
public record Settings(
    @Nullable Path libraryPath,
    Directory temporaryDirectory,
    Isa isa,
    NativeUse nativeUse,
    int threads,
    int elementsPerThread) {

  /**
   * {@code dev.xent.library.path}: the file of the native library, instead of the one in the jar.
   * If it cannot be loaded, operations throw and do not use the Java reference.
   */
  public static final String LIBRARY_PATH = "dev.xent.library.path";

  /**
   * {@code dev.xent.tempdir}: an existing directory for the private copy of the native library; the
   * default is {@code java.io.tmpdir}. Its file system must allow execution (no {@code noexec}).
   */
  public static final String TEMPORARY_DIRECTORY = "dev.xent.tempdir";

  /**
   * {@code dev.xent.isa=best|scalar|avx2|avx512|neon}: the instruction set of operations that do
   * not set one; the default is {@code best}.
   */
  public static final String ISA = "dev.xent.isa";

  /**
   * {@code dev.xent.native=auto|require|off}: with {@code auto}, the default, operations use the
   * Java reference if the native library cannot be loaded, and log a warning once. With {@code
   * require} they throw instead. With {@code off} the library is not loaded.
   */
  public static final String NATIVE = "dev.xent.native";

  /**
   * {@code dev.xent.threads}: the maximum number of threads of a call, including the calling
   * thread. The value 1 uses only the calling thread. The default is the number of processors.
   */
  public static final String THREADS = "dev.xent.threads";

  /**
   * {@code dev.xent.threads.elements}: the number of elements that is worth a thread; a call has
   * one thread for each. The default takes twice the fifty microseconds of waking a thread.
   */
  public static final String ELEMENTS_PER_THREAD = "dev.xent.threads.elements";

  /** The default of {@link #ELEMENTS_PER_THREAD}. */
  static final int WORTH_A_THREAD = 1 << 19;

  private static final String TEMPORARY_DIRECTORY_OF_JVM = "java.io.tmpdir";

  /** The maximum length of a value in a message. */
  private static final int SHOWN = 80;

  /**
   * A directory that a property names.
   *
   * @param property its name
   * @param value its value, which need not be a path
   */
  record Directory(String property, @Nullable String value) {
    /**
     * Returns the directory as an absolute path.
     *
     * @throws NativeLibraryException if the value is not a path
     */
    Path path() {
      if (value == null) {
        throw new NativeLibraryException(
            message("%s is not set; set it or %s", property, TEMPORARY_DIRECTORY));
      }
      try {
        return absolute(property, value, "set " + TEMPORARY_DIRECTORY + " to another directory");
      } catch (OptionException e) {
        throw new NativeLibraryException(String.valueOf(e.getMessage()), e);
      }
    }

    /** The value on one short line. */
    @Override
    public String toString() {
      return shown(String.valueOf(value));
    }
  }

  /** How to use the native library. */
  public enum NativeUse {
    /** Use it if it can be loaded. */
    AUTO,
    /** Throw if it cannot be loaded. */
    REQUIRE,
    /** Do not load it. */
    OFF
  }

  /**
   * Reads the system properties.
   *
   * @return the settings of this process
   * @throws OptionException if a value is invalid
   */
  public static Settings ofSystem() {
    return of(System::getProperty);
  }

  /**
   * Reads properties.
   *
   * @param properties maps a property's name to its value, or to null
   * @return the settings
   * @throws OptionException if a value is invalid
   */
  static Settings of(Function<String, @Nullable String> properties) {
    Path library = path(LIBRARY_PATH, properties.apply(LIBRARY_PATH));
    String directory = notBlank(TEMPORARY_DIRECTORY, properties.apply(TEMPORARY_DIRECTORY));
    Isa isa = choice(ISA, properties.apply(ISA), Isa.BEST);
    NativeUse use = choice(NATIVE, properties.apply(NATIVE), NativeUse.AUTO);
    int processors = Runtime.getRuntime().availableProcessors();
    int threads = positive(THREADS, properties.apply(THREADS), processors);
    int elements =
        positive(ELEMENTS_PER_THREAD, properties.apply(ELEMENTS_PER_THREAD), WORTH_A_THREAD);
    if (library != null && use == NativeUse.OFF) {
      throw new OptionException(
          message(
              "%s names a library and %s=off forbids it; take one of them away",
              LIBRARY_PATH, NATIVE));
    }
    return new Settings(
        library,
        directory != null
            ? new Directory(TEMPORARY_DIRECTORY, directory)
            : new Directory(
                TEMPORARY_DIRECTORY_OF_JVM, properties.apply(TEMPORARY_DIRECTORY_OF_JVM)),
        isa,
        use,
        threads,
        elements);
  }

  private static @Nullable Path path(String name, @Nullable String value) {
    String path = notBlank(name, value);
    return path == null ? null : absolute(name, path, "rename the file");
  }

  private static @Nullable String notBlank(String name, @Nullable String value) {
    if (value != null && value.isBlank()) {
      throw new OptionException(name + " is empty; set a path, or leave it out");
    }
    return value;
  }

  /**
   * Makes a path absolute, since the JVM loads no library by a relative one. Rejects names with
   * control characters such as line ends, which would break the lines of messages, and names that
   * the encoding of the locale lacks.
   */
  private static Path absolute(String name, String value, String remedy) {
    String reason = "it has control characters; ";
    try {
      Path path = Path.of(value).toAbsolutePath();
      if (!hasControls(value)) {
        return path;
      }
    } catch (InvalidPathException e) {
      reason = e.getReason() + (isAscii(value) ? "; " : "; set LC_ALL=C.UTF-8 or ");
    }
    throw new OptionException(
        message("%s=%s is not a path: %s", name, shown(value), reason + remedy));
  }

  private static boolean isAscii(String value) {
    return value.chars().allMatch(c -> c < 128);
  }

  private static boolean hasControls(String value) {
    for (int i = 0; i < value.length(); i++) {
      if (Character.isISOControl(value.charAt(i))) {
        return true;
      }
    }
    return false;
  }

  /** The start of a value, on one line. */
  private static String shown(String value) {
    String start = value.length() > SHOWN ? value.substring(0, SHOWN) + "..." : value;
    return start.replaceAll("\\p{Cc}", "?");
  }

  private static <E extends Enum<E>> E choice(String name, @Nullable String value, E byDefault) {
    if (value == null) {
      return byDefault;
    }
    E[] all = byDefault.getDeclaringClass().getEnumConstants();
    for (E each : all) {
      if (lowerCase(each).equals(value)) {
        return each;
      }
    }
    String allowed = Arrays.stream(all).map(Settings::lowerCase).collect(Collectors.joining(", "));
    throw new OptionException(message("%s=%s; expected one of %s", name, shown(value), allowed));
  }

  static String lowerCase(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }

  private static int positive(String name, @Nullable String value, int byDefault) {
    if (value == null) {
      return byDefault;
    }
    try {
      int number = Integer.parseInt(value);
      if (number >= 1) {
        return number;
      }
    } catch (NumberFormatException e) {
      // Rejected below, like numbers that are too small.
    }
    throw new OptionException(
        message("%s=%s; expected 1 to %d", name, shown(value), Integer.MAX_VALUE));
  }
}
