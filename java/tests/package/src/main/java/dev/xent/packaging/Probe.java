// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.XentRuntime;
import java.io.File;
import java.lang.foreign.Arena;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The program that is run in every situation: says who computes, and a loss from it. */
public final class Probe {
  private Probe() {}

  /**
   * Prints one line for each class loader that loads Xent.
   *
   * @param arguments nothing: the loader of this class; {@code loaders N}: N others at once; {@code
   *     wait}: as with nothing, and then waits for the end of standard input
   * @throws Exception when Xent is not there
   */
  public static void main(String[] arguments) throws Exception {
    if (arguments.length == 2) {
      askInLoaders(Integer.parseInt(arguments[1]));
      return;
    }
    System.out.println(answer());
    if (arguments.length == 1) {
      System.in.readAllBytes();
    }
  }

  private static void askInLoaders(int count) throws Exception {
    URL[] classPath =
        Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
            .map(Probe::url)
            .toArray(URL[]::new);
    List<URLClassLoader> loaders = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      loaders.add(new URLClassLoader(classPath, ClassLoader.getPlatformClassLoader()));
    }
    for (URLClassLoader loader : loaders) {
      Class<?> probe = loader.loadClass(Probe.class.getName());
      System.out.println(probe.getMethod("answer").invoke(null));
    }
    for (URLClassLoader loader : loaders) {
      loader.close();
    }
  }

  private static URL url(String entry) {
    try {
      return Path.of(entry).toUri().toURL();
    } catch (MalformedURLException e) {
      throw new IllegalArgumentException(entry, e);
    }
  }

  /**
   * Computes the loss of the README's rows.
   *
   * @return {@code native; loss L}, {@code reference (REASON); loss L} or {@code EXCEPTION:
   *     MESSAGE}
   */
  public static String answer() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor logits = Tensor.allocate(arena, DType.F32, 3, 3);
      logits.copyFrom(Tensor.of(new float[] {2, 1, 0, 0, 3, 1, 9, 9, 9}, 3, 3));
      Tensor labels = Tensor.of(new int[] {0, 1, -100}, 3);
      double loss =
          CrossEntropy.builder()
              .ignoreIndex(-100)
              .labelSmoothing(0.1)
              .build()
              .forward(logits, labels);
      String reason = XentRuntime.get().fallbackReason();
      String backend = reason == null ? "native" : "reference (" + reason + ")";
      return String.format(Locale.ROOT, "%s; loss %.6f", backend, loss);
    } catch (IllegalArgumentException | IllegalStateException e) {
      return e.getClass().getSimpleName() + ": " + e.getMessage();
    }
  }
}
