// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** Small libraries that are not Xent's, compiled on the spot. */
final class StrangeLibraries {
  private static final String COMPILER = Objects.requireNonNullElse(System.getenv("CC"), "cc");

  private StrangeLibraries() {}

  private static Path compile(Path folder, String name, String source, List<String> more) {
    try {
      Path code = Files.writeString(folder.resolve(name + ".c"), source);
      Path library = folder.resolve(name + ".so");
      Processes.runWell(
          folder,
          Stream.concat(
                  Stream.of(
                      COMPILER, "-shared", "-fPIC", "-o", library.toString(), code.toString()),
                  more.stream())
              .toList());
      return library;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path changed(Path folder, UnaryOperator<byte[]> change) {
    Path library = JarCopy.library(folder);
    try {
      return Files.write(library, change.apply(Files.readAllBytes(library)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Half of the library, as a copy to a full disk leaves it. */
  static Path truncated(Path folder) {
    return changed(folder, bytes -> Arrays.copyOf(bytes, bytes.length / 2));
  }

  /** Says that it is for aarch64. */
  static Path ofAnotherProcessor(Path folder) {
    return changed(
        folder,
        bytes -> {
          bytes[18] = (byte) 183;
          return bytes;
        });
  }

  /** Speaks another version of the C interface. */
  static Path ofAnotherAbi(Path folder) {
    return compile(
        folder, "another-abi", "unsigned xent_abi_version(void) { return 99; }", List.of());
  }

  /** Without anything that hardens a library, and with an executable stack. */
  static Path unprotected(Path folder) {
    return compile(
        folder,
        "unprotected",
        "int stranger(void) { return 0; }",
        List.of(
            "-fno-stack-protector",
            "-fcf-protection=none",
            "-Wl,-z,norelro,-z,lazy,-z,execstack,-rpath,/somewhere"));
  }

  /** Needs a C library that this system does not have, as everything compiled for another one. */
  static Path ofAnotherLibc(Path folder) {
    compile(folder, "libc.another", "int another(void) { return 0; }", List.of());
    Path library =
        compile(
            folder,
            "another-libc",
            "int another(void); unsigned xent_abi_version(void) { return (unsigned)another(); }",
            List.of(folder.resolve("libc.another.so").toString()));
    try {
      Files.delete(folder.resolve("libc.another.so"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return library;
  }
}
