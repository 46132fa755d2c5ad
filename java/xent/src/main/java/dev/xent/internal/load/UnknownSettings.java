// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import static dev.xent.internal.text.Messages.message;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;

/** Detects system properties with the prefix of Xent that Xent does not read; most are misspelt. */
final class UnknownSettings {
  private static final String PREFIX = "dev.xent.";

  private static final List<String> NAMES =
      List.of(
          Settings.ISA,
          Settings.LIBRARY_PATH,
          Settings.NATIVE,
          Settings.TEMPORARY_DIRECTORY,
          Settings.THREADS,
          Settings.ELEMENTS_PER_THREAD);

  /** The largest edit distance of a suggestion. */
  private static final int NEAR = 4;

  private UnknownSettings() {}

  /**
   * Returns a message for each unknown property.
   *
   * @param properties the names of all system properties
   */
  static List<String> messages(Collection<String> properties) {
    List<String> messages = new ArrayList<>();
    for (String name : properties) {
      if (name.startsWith(PREFIX) && !NAMES.contains(name)) {
        messages.add(
            message(
                "the system property %s is unknown and has no effect; expected %s",
                name, nearest(name)));
      }
    }
    return messages;
  }

  private static String nearest(String name) {
    String nearest = "one of " + String.join(", ", NAMES);
    int least = NEAR + 1;
    for (String known : NAMES) {
      int distance = distance(name.toLowerCase(Locale.ROOT), known);
      if (distance < least) {
        least = distance;
        nearest = known;
      }
    }
    return nearest;
  }

  /** The edit distance: the number of letters to insert, delete or replace. */
  private static int distance(String a, String b) {
    int[] above = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      above[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int[] row = new int[b.length() + 1];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = above[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        row[j] = Math.min(replaced, 1 + Math.min(above[j], row[j - 1]));
      }
      above = row;
    }
    return above[b.length()];
  }
}
