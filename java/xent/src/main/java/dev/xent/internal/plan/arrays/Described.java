// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import static dev.xent.internal.text.Messages.message;

import java.util.Objects;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/**
 * Builds a description of a name and its non-default options: "Softmax[axis=1, temperature=2.0]".
 */
public final class Described {
  private final StringJoiner text;

  /** Starts with the name alone. */
  public Described(String name) {
    text = new StringJoiner(", ", name + "[", "]");
  }

  /** Adds a value always. */
  public Described with(String name, Object value) {
    text.add(message("%s=%s", name, value));
    return this;
  }

  /** Adds a value unless it is the default. */
  public Described option(String name, @Nullable Object value, @Nullable Object usual) {
    return value == null || Objects.equals(value, usual) ? this : with(name, value);
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
