// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.XentRuntime;
import dev.xent.errors.NativeLibraryException;
import java.io.Closeable;
import java.io.FileInputStream;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A program for {@link LoaderTest}: the first calls of a JVM are made while something is missing,
 * and more when it is there.
 */
public final class StarvedProbe {
  private static final int BLOCK = 256 * 1024;
  private static final long PATIENCE = 20_000_000_000L;

  private StarvedProbe() {}

  private static @Nullable Softmax softmax;

  /**
   * Prints what computes while a resource is missing, and after it is back.
   *
   * @param arguments the missing resource
   * @throws Exception when it cannot be taken away or put back
   */
  public static void main(String[] arguments) throws Exception {
    // The first message reads files, with settings and time zones.
    System.getLogger("dev.xent").log(Level.INFO, "the program begins");
    // Classes of the JDK that read resources of jars cannot be used again after an error of theirs.
    Objects.requireNonNull(StarvedProbe.class.getResourceAsStream("StarvedProbe.class")).close();
    Closeable missing = starve(arguments[0]);
    for (int i = 0; i < 5; i++) {
      System.out.println("starved: " + call());
    }
    missing.close();
    System.out.println("next: " + call());
    long begin = System.nanoTime();
    while (System.nanoTime() - begin < PATIENCE && XentRuntime.get().fallbackReason() != null) {
      call();
      Thread.sleep(10);
    }
    System.out.println("later: " + call());
  }

  /** What computed. One operation makes all calls, if it can be built. */
  private static String call() {
    try {
      if (softmax == null) {
        softmax = Softmax.along(-1);
      }
      float[] x = new float[2];
      softmax.forward(Tensor.of(x), Tensor.of(x));
      String how = XentRuntime.get().fallbackReason() == null ? "native" : "reference";
      return x[0] + ", " + how + ", " + softmax;
    } catch (NativeLibraryException | OutOfMemoryError e) {
      return String.valueOf(e.getMessage());
    }
  }

  private static Closeable starve(String cause) throws IOException {
    return switch (cause) {
      case "interrupt" -> interrupt();
      case "descriptors" -> openAll();
      case "directory" ->
          () -> Files.createDirectory(Path.of(System.getProperty(Settings.TEMPORARY_DIRECTORY)));
      case "disk" -> StarvedProbe::raiseFileSize;
      case "memory" -> fill();
      default -> throw new IllegalArgumentException(cause);
    };
  }

  private static Closeable interrupt() {
    Thread.currentThread().interrupt();
    return () -> System.out.println("interrupted: " + Thread.interrupted());
  }

  private static Closeable openAll() {
    List<FileInputStream> open = new ArrayList<>();
    try {
      while (true) {
        open.add(new FileInputStream("/dev/null"));
      }
    } catch (IOException e) {
      return () -> {
        for (FileInputStream each : open) {
          each.close();
        }
      };
    }
  }

  private static Closeable fill() {
    List<byte[]> blocks = new ArrayList<>();
    try {
      while (true) {
        blocks.add(new byte[BLOCK]);
      }
    } catch (OutOfMemoryError e) {
      return blocks::clear;
    }
  }

  /** Who started this JVM has limited how long a file may be. */
  private static void raiseFileSize() throws IOException {
    String pid = Long.toString(ProcessHandle.current().pid());
    try {
      int status =
          new ProcessBuilder("prlimit", "--fsize=unlimited", "--pid", pid)
              .inheritIO()
              .start()
              .waitFor();
      if (status != 0) {
        throw new IOException("prlimit ends with " + status);
      }
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }
}
