// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A program for {@link LoaderTest}: calls Xent in one class loader after the other, all on this
 * thread, and counts those that are left.
 */
public final class ClassLoaderProbe {
  private static final int ROWS = 300;
  private static final int CLASSES = 1000;
  private static final int COLLECTIONS = 100;

  private ClassLoaderProbe() {}

  /**
   * Prints one line: {@code 0 loaders left, 0 libraries mapped}.
   *
   * @param arguments the number of class loaders
   * @throws Exception when Xent is not on the class path
   */
  public static void main(String[] arguments) throws Exception {
    URL[] classes = RuntimeProbe.classPath();
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
