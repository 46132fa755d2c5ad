// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A program for {@link LoaderTest}: loads Xent in several class loaders and prints twice for each
 * of them what computes.
 */
public final class RuntimeProbe {
  private RuntimeProbe() {}

  /**
   * Prints two lines per class loader, each with its {@code XentRuntime} or with an exception.
   *
   * @param arguments the number of class loaders
   * @throws Exception when Xent is not on the class path
   */
  public static void main(String[] arguments) throws Exception {
    for (int i = 0; i < Integer.parseInt(arguments[0]); i++) {
      try (URLClassLoader loader =
          new URLClassLoader(classPath(), ClassLoader.getPlatformClassLoader())) {
        Class<?> xent = loader.loadClass("dev.xent.XentRuntime");
        System.out.println(ask(xent));
        System.out.println(ask(xent));
      }
    }
  }

  /** Where this JVM has its classes. */
  static URL[] classPath() {
    return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
        .map(RuntimeProbe::url)
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
