// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static dev.xent.internal.text.Messages.message;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * The header of a .safetensors file.
 *
 * @param tensors by name, in the order of the header
 * @param metadata text that the writer of the file stored in it
 */
record SafetensorsHeader(Map<String, SafetensorsEntry> tensors, Map<String, String> metadata) {
  /**
   * Requires that the tensors are contiguous, that each has the size of its shape, and that they
   * fill the rest of the file.
   *
   * @param data number of bytes after the header
   */
  void requireToFill(long data) {
    List<Map.Entry<String, SafetensorsEntry>> places =
        tensors.entrySet().stream()
            .sorted(
                Comparator.<Map.Entry<String, SafetensorsEntry>>comparingLong(
                        entry -> entry.getValue().begin())
                    .thenComparingLong(entry -> entry.getValue().end()))
            .toList();
    long filled = 0;
    for (Map.Entry<String, SafetensorsEntry> place : places) {
      String name = place.getKey();
      SafetensorsEntry entry = place.getValue();
      requireSize(name, entry, data);
      if (entry.begin() < filled) {
        throw damaged("tensor '%s' begins within another", name);
      }
      if (entry.begin() > filled) {
        throw damaged(
            "%d bytes before tensor '%s' belong to no tensor", entry.begin() - filled, name);
      }
      filled = entry.end();
    }
    if (filled < data) {
      throw damaged("%d bytes after the last tensor belong to no tensor", data - filled);
    }
  }

  private static void requireSize(String name, SafetensorsEntry entry, long data) {
    if (entry.end() < entry.begin()) {
      throw damaged("tensor '%s' ends before it begins", name);
    }
    if (entry.end() > data) {
      throw new FileException(
          message(
              "has %d bytes of data where tensor '%s' ends at %d; it was cut off, copy or save it again",
              data, Shown.word(name), entry.end()));
    }
    long bytes = entry.bytes();
    long there = entry.end() - entry.begin();
    if (bytes != there) {
      String size = message("%s of %s", NpyHeader.describe(entry.shape()), entry.type());
      throw damaged(
          bytes < 0
              ? message("tensor '%s' has the size %s, which no file holds", Shown.word(name), size)
              : message(
                  "tensor '%s' has %d bytes where %s takes %d",
                  Shown.word(name), there, size, bytes));
    }
  }

  /** The exception for a damaged header. */
  static FileException damaged(String cause) {
    return new FileException(
        "has a damaged .safetensors header: " + cause + "; save it again with safetensors");
  }

  /**
   * The exception for a damaged header.
   *
   * @param cause a format string
   * @param words numbers, and strings of the file, which are truncated
   */
  static FileException damaged(String cause, Object... words) {
    Object[] shown =
        Arrays.stream(words)
            .map(word -> word instanceof String text ? Shown.word(text) : word)
            .toArray();
    return damaged(message(cause, shown));
  }
}
