// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * The header of a .safetensors file.
 *
 * @param tensors by name, in the order of the header
 * @param metadata words that whoever made the file left in it
 */
record SafetensorsHeader(Map<String, SafetensorsEntry> tensors, Map<String, String> metadata) {
  /**
   * Requires that the tensors lie one behind the other, each as long as its shape takes, and fill
   * the rest of the file.
   *
   * @param data how many bytes follow the header
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
      String name = Shown.word(place.getKey());
      SafetensorsEntry entry = place.getValue();
      requireSize(name, entry, data);
      if (entry.begin() < filled) {
        throw damaged("tensor '%s' begins within another".formatted(name));
      }
      if (entry.begin() > filled) {
        throw damaged(
            "%d bytes before tensor '%s' belong to none".formatted(entry.begin() - filled, name));
      }
      filled = entry.end();
    }
    if (filled < data) {
      throw damaged("%d bytes behind the last tensor belong to none".formatted(data - filled));
    }
  }

  private static void requireSize(String name, SafetensorsEntry entry, long data) {
    if (entry.end() < entry.begin()) {
      throw damaged("tensor '%s' ends before it begins".formatted(name));
    }
    if (entry.end() > data) {
      throw new FileException(
          "has %d bytes of data where tensor '%s' ends at %d; it was cut off, copy or save it again"
              .formatted(data, name, entry.end()));
    }
    long bytes = entry.bytes();
    long there = entry.end() - entry.begin();
    String what = "%s of %s".formatted(NpyHeader.describe(entry.shape()), entry.type());
    if (bytes < 0) {
      throw damaged("tensor '%s' has the size %s, which no file holds".formatted(name, what));
    }
    if (bytes != there) {
      throw damaged(
          "tensor '%s' has %d bytes where %s takes %d".formatted(name, there, what, bytes));
    }
  }

  static FileException damaged(String cause) {
    return new FileException(
        "has a damaged .safetensors header: " + cause + "; save it again with safetensors");
  }
}
