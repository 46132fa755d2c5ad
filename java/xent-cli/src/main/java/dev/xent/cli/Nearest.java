// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/** Finds the name that a misspelled word most likely means. */
final class Nearest {
  /** The number of letters of a word per allowed mistake. */
  private static final int LETTERS_PER_MISTAKE = 4;

  /** The least number of letters of a word that may be a prefix of a name. */
  private static final int LEAST_LETTERS = 3;

  private Nearest() {}

  /**
   * The nearest name, if the word is a prefix of it or differs in at most a quarter of its letters;
   * else the first name that ends with the words of an option: {@code --element-weights} of {@code
   * --weights}.
   */
  static Optional<String> to(String word, Collection<String> names) {
    return names.stream()
        .filter(name -> isNear(word, name))
        .min(
            Comparator.comparingInt((String name) -> distance(word, name))
                .thenComparing(name -> name))
        .or(() -> names.stream().sorted().filter(name -> endsWith(name, word)).findFirst());
  }

  private static boolean endsWith(String name, String word) {
    return word.startsWith("--") && name.startsWith("--") && name.endsWith(word.substring(1));
  }

  private static boolean isNear(String word, String name) {
    int letters = word.replaceAll("^-+", "").length();
    return (letters >= LEAST_LETTERS && name.startsWith(word))
        || distance(word, name) <= Math.ceilDiv(letters, LETTERS_PER_MISTAKE);
  }

  /** The number of insertions, deletions, substitutions and swaps of adjacent letters. */
  static int distance(String a, String b) {
    int[][] cost = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      for (int j = 0; j <= b.length(); j++) {
        cost[i][j] = i == 0 || j == 0 ? i + j : least(cost, i, j, a, b);
      }
    }
    return cost[a.length()][b.length()];
  }

  private static int least(int[][] cost, int i, int j, String a, String b) {
    boolean same = a.charAt(i - 1) == b.charAt(j - 1);
    int least = Math.min(cost[i - 1][j], cost[i][j - 1]) + 1;
    least = Math.min(least, cost[i - 1][j - 1] + (same ? 0 : 1));
    boolean exchanged =
        i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1);
    return exchanged ? Math.min(least, cost[i - 2][j - 2] + 1) : least;
  }
}
