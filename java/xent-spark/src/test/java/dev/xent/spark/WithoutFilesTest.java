// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.OptionException;
import java.io.IOException;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** With xent.jar and xent-spark.jar alone, every function works but xent_linear_loss. */
class WithoutFilesTest {
  private static final Path CLASSES = Path.of(System.getProperty("basedir"), "target/classes");

  /** Defines the classes of this module again, and does not find xent-files. */
  private static final class WithoutFiles extends URLClassLoader {
    WithoutFiles() throws IOException {
      super(new URL[] {CLASSES.toUri().toURL()}, WithoutFilesTest.class.getClassLoader());
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
      if (name.startsWith("dev.xent.files.")) {
        throw new ClassNotFoundException(name);
      }
      if (!name.startsWith("dev.xent.spark.")) {
        return super.loadClass(name, resolve);
      }
      synchronized (getClassLoadingLock(name)) {
        Class<?> loaded = findLoadedClass(name);
        return loaded == null ? findClass(name) : loaded;
      }
    }
  }

  private static List<String> classes() throws IOException {
    try (Stream<Path> files = Files.walk(CLASSES)) {
      return files
          .map(file -> CLASSES.relativize(file).toString())
          .filter(name -> name.endsWith(".class") && !name.equals("module-info.class"))
          .map(name -> name.substring(0, name.length() - ".class".length()).replace('/', '.'))
          .filter(name -> !name.endsWith(".package-info") && !name.endsWith(".WeightFile"))
          .toList();
    }
  }

  @Test
  void everyOtherClassLinks() throws Exception {
    try (WithoutFiles loader = new WithoutFiles()) {
      assertThat(classes()).contains(LossAggregate.class.getName());
      for (String name : classes()) {
        assertThat(Class.forName(name, true, loader).getClassLoader()).isEqualTo(loader);
      }
    }
  }

  @Test
  void linearLossNamesTheMissingJar() throws Exception {
    try (WithoutFiles loader = new WithoutFiles()) {
      Method map =
          Class.forName(LinearOperation.class.getName(), true, loader)
              .getDeclaredMethod("map", String.class, Path.class);
      map.setAccessible(true);
      assertThatThrownBy(() -> map.invoke(null, "weights", CLASSES.toAbsolutePath()))
          .cause()
          .isInstanceOf(OptionException.class)
          .hasMessage("the module xent-files is missing; add its jar to --jars");
    }
  }
}
