// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.packaging.Processes.Ended;

/**
 * What is expected of a situation.
 *
 * @param kind what computes, if anything
 * @param reason what the reason of a reference or the message of an error contains
 */
record Expectation(Kind kind, String reason) {
  private static final String LOSS = "; loss 0.422059";
  private static final String WARNING = "Xent computes with its Java reference";

  /** In the words of the documentation. */
  enum Kind {
    NATIVE("Native"),
    REFERENCE("Plain Java, with the reason"),
    SILENT_REFERENCE("Plain Java, without a message"),
    ERROR("Error");

    private final String words;

    Kind(String words) {
      this.words = words;
    }

    @Override
    public String toString() {
      return words;
    }
  }

  static Expectation computesNatively() {
    return new Expectation(Kind.NATIVE, "");
  }

  static Expectation fallsBack(String reason) {
    return new Expectation(Kind.REFERENCE, reason);
  }

  static Expectation fallsBackSilently(String reason) {
    return new Expectation(Kind.SILENT_REFERENCE, reason);
  }

  static Expectation fails(String message) {
    return new Expectation(Kind.ERROR, message);
  }

  /** Compares what a program said, line by line and its log too. */
  void check(Ended program) {
    assertThat(program.exit()).as(program.err()).isZero();
    assertThat(program.out()).isNotEmpty();
    switch (kind) {
      case NATIVE -> {
        assertThat(program.out()).allMatch(("native" + LOSS)::equals);
        assertThat(program.err()).isEmpty();
      }
      case REFERENCE -> {
        assertThat(program.out()).allMatch(this::isReference);
        assertThat(program.err()).containsOnlyOnce(WARNING).contains(reason);
      }
      case SILENT_REFERENCE -> {
        assertThat(program.out()).allMatch(this::isReference);
        assertThat(program.err()).isEmpty();
      }
      case ERROR -> {
        assertThat(program.out()).allMatch(line -> line.matches("\\w+Exception: .*"));
        assertThat(program.out()).allMatch(line -> line.contains(reason));
        assertThat(program.err()).doesNotContain(WARNING);
      }
    }
  }

  private boolean isReference(String line) {
    return line.startsWith("reference (") && line.contains(reason) && line.endsWith(LOSS);
  }
}
