// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The native library as it is in the jar: how it is hardened, and what it exports. */
@EnabledOnOs(value = OS.LINUX, architectures = "amd64")
class LibraryTest {
  private static final Pattern COMMENT = Pattern.compile("/\\*.*?\\*/", Pattern.DOTALL);
  private static final Pattern FUNCTION = Pattern.compile("\\bXENT_API\\b[^;]*?(xent_\\w+)\\(");
  private static final Pattern METHOD = Pattern.compile("(?m)^JNI_METHOD\\([^,]+, (\\w+)\\)");

  @TempDir private Path folder;

  private SharedLibrary library() {
    return new SharedLibrary(JarCopy.library(folder), folder);
  }

  @Test
  void isHardened() {
    assertThat(library().faults()).isEmpty();
  }

  @Test
  void exportsTheFunctionsOfTheHeaderAndTheNativeMethods() throws IOException {
    SortedSet<String> names = new TreeSet<>();
    names.addAll(all(FUNCTION, "include/xent.h", ""));
    names.addAll(all(FUNCTION, "include/xent_bindings.h", ""));
    List<String> methods =
        all(METHOD, "native/src/api/jni.c", "Java_dev_xent_internal_kernels_Jni_");
    assertThat(methods).isNotEmpty();
    names.addAll(methods);
    assertThat(library().exports()).isEqualTo(names);
  }

  /** A release stops at a library that this script rejects. */
  @Test
  void isOneThatAReleaseMayShip() throws Exception {
    Process inspection =
        new ProcessBuilder(
                "python3",
                Package.ROOT.resolve("tools/release/inspect-natives").toString(),
                Package.ROOT.resolve("java/xent/target/classes").toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(inspection.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(inspection.waitFor()).as(said).isZero();
  }

  private static List<String> all(Pattern pattern, String file, String prefix) throws IOException {
    String text = Files.readString(Package.ROOT.resolve(file));
    return pattern
        .matcher(COMMENT.matcher(text).replaceAll(""))
        .results()
        .map(found -> prefix + found.group(1))
        .toList();
  }

  /** What has none of it is found out; but for what only code that asks for it has. */
  @Test
  void findsEveryProtectionThatIsMissing() {
    SharedLibrary stranger = new SharedLibrary(StrangeLibraries.unprotected(folder), folder);
    assertThat(stranger.faults())
        .containsExactlyInAnyOrderElementsOf(
            List.of(
                "lacks read-only relocations (-z relro)",
                "lacks immediate binding (-z now)",
                "lacks a stack that cannot be executed (-z noexecstack)",
                "lacks stack protection (-fstack-protector-strong)",
                "lacks marked indirect jumps (-fcf-protection)",
                "lacks a shadow stack (-fcf-protection)",
                "has a place of its own to look for libraries"));
    assertThat(stranger.exports()).containsExactly("stranger");
  }
}
