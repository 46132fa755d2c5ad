// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import dev.xent.DType;
import dev.xent.Inputs;
import dev.xent.LogSumExp;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import dev.xent.errors.OptionException;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.ref.WeakReference;
import java.lang.reflect.InvocationTargetException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** The programs that {@link LoaderTest} runs, but for {@link StarvedProbe}, which is in a jar. */
final class LoaderProbes {
  private LoaderProbes() {}

  /** Loads Xent in several class loaders and prints twice for each of them what computes. */
  static final class InLoaders {
    private InLoaders() {}

    /**
     * Prints two lines per class loader, each with its {@code XentRuntime} or with an exception.
     *
     * @param arguments a system property of each class loader, {@code NAME=VALUE}, or nothing
     * @throws Exception when Xent is not on the class path
     */
    public static void main(String[] arguments) throws Exception {
      for (String setting : arguments) {
        String name = setting.replaceFirst("=.*", "");
        if (!name.isEmpty()) {
          System.setProperty(name, setting.substring(name.length() + 1));
        }
        try (URLClassLoader loader =
            new URLClassLoader(classPath(), ClassLoader.getPlatformClassLoader())) {
          Class<?> xent = loader.loadClass("dev.xent.XentRuntime");
          System.out.println(ask(xent));
          System.out.println(ask(xent));
        }
        if (!name.isEmpty()) {
          System.clearProperty(name);
        }
      }
    }

    /** Where this JVM has its classes. */
    static URL[] classPath() {
      return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
          .map(InLoaders::url)
          .toArray(URL[]::new);
    }

    private static String ask(Class<?> xent) throws IllegalAccessException, NoSuchMethodException {
      try {
        return xent.getMethod("get").invoke(null).toString();
      } catch (InvocationTargetException e) {
        return e.getCause().getClass().getSimpleName() + ": " + e.getCause().getMessage();
      }
    }

    private static URL url(String entry) {
      try {
        return Path.of(entry).toUri().toURL();
      } catch (MalformedURLException e) {
        throw new IllegalArgumentException(entry, e);
      }
    }
  }

  /**
   * Calls Xent in one class loader after the other, all on this thread, and counts those that are
   * left.
   */
  static final class Unloading {
    private static final int ROWS = 300;
    private static final int CLASSES = 1000;
    private static final int COLLECTIONS = 100;

    private Unloading() {}

    /**
     * Prints one line: {@code 0 loaders left, 0 libraries mapped}.
     *
     * @param arguments the number of class loaders
     * @throws Exception when Xent is not on the class path
     */
    public static void main(String[] arguments) throws Exception {
      URL[] classes = InLoaders.classPath();
      List<WeakReference<ClassLoader>> loaders = new ArrayList<>();
      for (int i = 0; i < Integer.parseInt(arguments[0]); i++) {
        try (URLClassLoader loader =
            new URLClassLoader(classes, ClassLoader.getPlatformClassLoader())) {
          call(loader);
          loaders.add(new WeakReference<>(loader));
        }
      }
      for (int i = 0; i < COLLECTIONS && left(loaders) + libraries() > 0; i++) {
        System.gc();
        Thread.sleep(20);
      }
      System.out.printf("%d loaders left, %d libraries mapped%n", left(loaders), libraries());
    }

    /** Computes a softmax with enough elements for a thread of the pool to help. */
    private static void call(ClassLoader loader) throws ReflectiveOperationException {
      Class<?> tensor = loader.loadClass("dev.xent.Tensor");
      Class<?> softmax = loader.loadClass("dev.xent.Softmax");
      Object x =
          tensor
              .getMethod("of", float[].class, long[].class)
              .invoke(null, new float[ROWS * CLASSES], new long[] {ROWS, CLASSES});
      Object operation = softmax.getMethod("along", int.class).invoke(null, -1);
      softmax.getMethod("forward", tensor, tensor).invoke(operation, x, x);
    }

    private static long left(List<WeakReference<ClassLoader>> loaders) {
      return loaders.stream().filter(loader -> loader.get() != null).count();
    }

    static long libraries() throws IOException {
      return Files.readAllLines(Path.of("/proc/self/maps")).stream()
          .filter(line -> line.contains("libxent.so") && line.contains("r-xp"))
          .count();
    }
  }

  /** Calls that are worth helpers, on memory of one thread. */
  static final class DeniedAccess {
    private static final int ROWS = 300;
    private static final int CLASSES = 1000;

    /** Whose offsets take more than is kept from call to call. */
    private static final int RAGGED_ROWS = 200_000;

    private DeniedAccess() {}

    /**
     * Prints a line for each kind of call: what it computed, or the exception.
     *
     * @param arguments how often each call is made
     */
    public static void main(String[] arguments) {
      int calls = Integer.parseInt(arguments[0]);
      try (Arena arena = Arena.ofConfined()) {
        Tensor x = Tensor.allocate(arena, DType.F32, ROWS, CLASSES);
        Tensor values = Tensor.allocate(arena, DType.F32, 2 * RAGGED_ROWS);
        Tensor sums = Tensor.of(new float[RAGGED_ROWS]);
        long[] offsets = new long[RAGGED_ROWS + 1];
        for (int row = 0; row <= RAGGED_ROWS; row++) {
          offsets[row] = 2L * row;
        }
        Inputs ragged = Inputs.none().withRowOffsets(Tensor.of(offsets));
        Softmax softmax = Softmax.along(-1);
        LogSumExp logSumExp = LogSumExp.along(-1);
        for (int i = 0; i < calls; i++) {
          softmax.forward(x, x);
          logSumExp.on(values, sums).inputs(ragged).run();
          logSumExp.on(Tensor.of(new float[2 * RAGGED_ROWS]), sums).inputs(ragged).run();
        }
        System.out.println(x.getFloat(0, 0));
        System.out.println(sums.getFloat(0));
        Tensor.ofAddress(x.segment().address(), Float.BYTES, null, DType.F32, 1);
      } catch (MemoryException e) {
        System.out.println(e.getMessage());
      }
    }
  }

  /** Builds operations under invalid settings. */
  static final class InvalidSettings {
    private InvalidSettings() {}

    /**
     * Prints how often building threw, and how many libraries are mapped after that.
     *
     * @param arguments how many operations are built
     * @throws IOException if the process cannot read its own mappings
     */
    public static void main(String[] arguments) throws IOException {
      int refused = 0;
      for (int i = 0; i < Integer.parseInt(arguments[0]); i++) {
        try {
          Softmax.along(-1);
        } catch (OptionException e) {
          refused++;
        }
      }
      System.out.printf("refused %d times, %d mapped%n", refused, Unloading.libraries());
    }
  }

  /** The first call of a JVM. */
  static final class FirstCall {
    private FirstCall() {}

    /** Prints a probability. */
    public static void main(String[] arguments) {
      float[] probabilities = new float[2];
      Softmax.along(-1).forward(Tensor.of(new float[2], 2), Tensor.of(probabilities, 2));
      System.out.println(probabilities[0]);
    }
  }

  /** A handler of log messages makes a call, and throws. */
  static final class LogHandler {
    private static int messages;

    private LogHandler() {}

    private static float half() {
      Tensor two = Tensor.of(new float[2]);
      Softmax.along(-1).forward(two, two);
      return two.getFloat(0);
    }

    /**
     * Prints what a call computes, and how many messages there were.
     *
     * @param arguments not looked at
     */
    public static void main(String[] arguments) {
      Logger logger = Logger.getLogger("dev.xent");
      logger.addHandler(
          new Handler() {
            @Override
            public void publish(LogRecord message) {
              if (++messages < 9) {
                System.out.println("in the handler " + half());
                throw new IllegalStateException("thrown by the handler");
              }
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
          });
      System.out.println("in the program " + half());
      System.out.println(messages + " messages");
    }
  }
}
