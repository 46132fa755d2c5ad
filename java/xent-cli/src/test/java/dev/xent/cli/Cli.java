// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Map;

/**
 * One run of the command in this process.
 *
 * @param code the exit code
 * @param out what it wrote to standard output
 * @param err what it wrote to standard error
 */
public record Cli(int code, String out, String err) {

  /** Runs {@code xent} with the text of these arguments. */
  public static Cli xent(Object... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    String[] words = Arrays.stream(arguments).map(Object::toString).toArray(String[]::new);
    int code = Main.run(new PrintWriter(out), new PrintWriter(err), words);
    return new Cli(code, out.toString(), err.toString());
  }

  /** Asserts exit code 0 and an empty standard error. */
  public Cli succeeds() {
    assertThat(err).isEmpty();
    assertThat(code).isZero();
    return this;
  }

  /**
   * Asserts exit code 2, nothing on standard output and one line on standard error with these
   * words.
   */
  public Cli refuses(String... words) {
    assertThat(err).startsWith("xent: ").endsWith(System.lineSeparator()).contains(words);
    assertThat(err.lines()).hasSize(1);
    assertThat(err).doesNotContain("internal error").doesNotContain("Exception");
    assertThat(out).isEmpty();
    assertThat(code).isEqualTo(2);
    return this;
  }

  /** Standard output as the one JSON object on one line that it must be. */
  public Map<String, Object> json() {
    assertThat(out.lines()).hasSize(1);
    try {
      return JSON.std.mapFrom(out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
