// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.Tensor;
import dev.xent.errors.OptionException;
import dev.xent.files.FileException;
import dev.xent.files.Npy;
import java.lang.foreign.Arena;
import java.nio.file.Path;

/**
 * Maps the weights of a linear layer. No other class needs xent-files, so that all functions but
 * xent_linear_loss work without its jar.
 */
final class WeightFile {
  private WeightFile() {}

  /**
   * Maps a .npy file.
   *
   * @throws OptionException if the file cannot be read, with the message of xent-files
   */
  static Tensor map(Path file) {
    try {
      return Npy.map(file, Arena.ofAuto());
    } catch (FileException e) {
      OptionException unreadable = new OptionException(e.getMessage());
      unreadable.initCause(e);
      throw unreadable;
    }
  }
}
