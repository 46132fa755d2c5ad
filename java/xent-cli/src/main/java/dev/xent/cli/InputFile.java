// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import java.nio.file.Path;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.TypeConversionException;

/**
 * An input of a command: a .npy file, one of the tensors of a .safetensors file, or standard input.
 *
 * @param word as typed
 * @param path of the file; null for standard input
 * @param tensor its name in a .safetensors file; null for the only array of a .npy file
 */
public record InputFile(String word, @Nullable Path path, @Nullable String tensor) {
  private static final String SUFFIX = ".safetensors";

  /** Parses {@code FILE.npy}, {@code FILE.safetensors:NAME} and {@code -}. */
  static InputFile of(String word, Function<String, Path> paths) {
    if (word.equals("-")) {
      return new InputFile("standard input", null, null);
    }
    int end = word.indexOf(SUFFIX + ":");
    if (end >= 0) {
      int colon = end + SUFFIX.length();
      return new InputFile(word, paths.apply(word.substring(0, colon)), word.substring(colon + 1));
    }
    if (word.endsWith(SUFFIX)) {
      throw new TypeConversionException(
          message("'%s' holds several tensors; use %s:NAME", word, word));
    }
    return new InputFile(word, paths.apply(word), null);
  }

  @Override
  public String toString() {
    return word;
  }
}
