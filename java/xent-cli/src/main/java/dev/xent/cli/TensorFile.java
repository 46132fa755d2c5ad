// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import java.nio.file.Path;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.TypeConversionException;

/**
 * A file of floats, or one of the tensors in a .safetensors file.
 *
 * @param path of the file
 * @param name of the tensor; null for the only tensor of the file
 */
record TensorFile(Path path, @Nullable String name) {
  private static final String SUFFIX = ".safetensors";

  /** Parses {@code FILE.npy} and {@code FILE.safetensors:NAME}. */
  static TensorFile of(String word, Function<String, Path> paths) {
    int end = word.indexOf(SUFFIX + ":");
    if (end >= 0) {
      int colon = end + SUFFIX.length();
      return new TensorFile(paths.apply(word.substring(0, colon)), word.substring(colon + 1));
    }
    if (word.endsWith(SUFFIX)) {
      throw new TypeConversionException(
          message("'%s' holds several tensors; use %s:NAME", word, word));
    }
    return new TensorFile(paths.apply(word), null);
  }
}
