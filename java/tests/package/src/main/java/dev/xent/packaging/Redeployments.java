// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.ref.WeakReference;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A server that deploys an application many times, each time in its own class loader. It calls the
 * application on threads that outlive the deployment, and counts the loaders that are left: {@code
 * Redeployments COUNT PLACE [SAMPLES.csv]}.
 */
public final class Redeployments {
  /** Where Xent is. */
  private enum Place {
    /** In the application, and deployed again with it. */
    APPLICATION,
    /** In the server, whose applications share it. */
    SERVER
  }

  /** Between two samples. */
  private static final int STRIDE = 20;

  /** Collections until what is left counts as left. */
  private static final int PATIENCE = 50;

  private final List<WeakReference<ClassLoader>> loaders = new ArrayList<>();
  private final ExecutorService platform = Executors.newSingleThreadExecutor();
  private final ExecutorService virtual =
      Executors.newSingleThreadExecutor(Thread.ofVirtual().factory());
  private final long begin = System.nanoTime();
  private int deployed;

  private Redeployments() {}

  /**
   * Prints one line: {@code N deployed, N loaders left, N libraries mapped}.
   *
   * @param arguments how many, where Xent is, and where samples go
   * @throws Exception when the application fails
   */
  public static void main(String[] arguments) throws Exception {
    int count = Integer.parseInt(arguments[0]);
    Place place = Place.valueOf(arguments[1].toUpperCase(Locale.ROOT));
    Redeployments server = new Redeployments();
    try (server.platform;
        server.virtual;
        PrintStream samples =
            arguments.length > 2
                ? new PrintStream(arguments[2])
                : new PrintStream(OutputStream.nullOutputStream())) {
      samples.println("seconds,deployed,loaders,libraries,metaspace_mib,resident_mib,threads");
      server.deployAll(count, place, samples);
    }
  }

  private void deployAll(int count, Place place, PrintStream samples) throws Exception {
    URL program = url(System.getProperty("redeployments.program"));
    URL xent = url(System.getProperty("redeployments.xent"));
    ClassLoader jdk = ClassLoader.getPlatformClassLoader();
    try (URLClassLoader shared = new URLClassLoader(new URL[] {xent}, jdk)) {
      while (deployed < count) {
        deploy(
            place == Place.SERVER
                ? new URLClassLoader(new URL[] {program}, shared)
                : new URLClassLoader(new URL[] {xent, program}, jdk));
        deployed++;
        if (deployed % STRIDE == 0 || deployed == count) {
          settle(place);
          samples.println(sample());
        }
      }
      System.out.printf(
          Locale.ROOT,
          "%d deployed, %d loaders left, %d libraries mapped%n",
          count,
          left(),
          libraries());
    }
  }

  private void deploy(URLClassLoader loader) throws Exception {
    try (loader) {
      Runnable application =
          (Runnable) loader.loadClass(Deployed.class.getName()).getConstructor().newInstance();
      call(application, loader);
      platform.submit(() -> call(application, loader)).get();
      virtual.submit(() -> call(application, loader)).get();
    }
    loaders.add(new WeakReference<>(loader));
  }

  /** As containers do: the thread has the application's class loader during the call. */
  private static void call(Runnable application, ClassLoader loader) {
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    thread.setContextClassLoader(loader);
    try {
      application.run();
    } finally {
      thread.setContextClassLoader(before);
    }
  }

  private long left() {
    return loaders.stream().filter(loader -> loader.get() != null).count();
  }

  /** Collects until nothing is left, or patience is at its end; libraries go a little later. */
  private void settle(Place place) throws IOException, InterruptedException {
    int shared = place == Place.SERVER ? 1 : 0;
    for (int i = 0; i < PATIENCE && (i == 0 || left() > 0 || libraries() > shared); i++) {
      System.gc();
      Thread.sleep(20);
    }
  }

  private static long libraries() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/maps")).stream()
        .filter(line -> line.contains("libxent.so") && line.contains("r-xp"))
        .count();
  }

  private String sample() throws IOException {
    return String.format(
        Locale.ROOT,
        "%.1f,%d,%d,%d,%.2f,%.1f,%d",
        (System.nanoTime() - begin) / 1e9,
        deployed,
        left(),
        libraries(),
        metaspace() / 1048576.0,
        residentKilobytes() / 1024.0,
        ManagementFactory.getThreadMXBean().getThreadCount());
  }

  private static long metaspace() {
    return ManagementFactory.getMemoryPoolMXBeans().stream()
        .filter(pool -> pool.getName().equals("Metaspace"))
        .mapToLong(pool -> pool.getUsage().getUsed())
        .sum();
  }

  private static long residentKilobytes() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .sum();
  }

  private static URL url(String path) throws MalformedURLException {
    return Path.of(path).toUri().toURL();
  }
}
