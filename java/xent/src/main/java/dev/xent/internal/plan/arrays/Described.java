// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import java.util.Objects;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/** A name and what is not as by default: "Softmax[axis=1, temperature=2.0]". */
public final class Described {
  private final StringJoiner text;

  /** With nothing to say but the name. */
  public Described(String name) {
    text = new StringJoiner(", ", name + "[", "]");
  }

  /** What is always said. */
  public Described with(String name, Object value) {
    text.add(name + "=" + value);
    return this;
  }

  /** What is said unless it is as by default. */
  public Described option(String name, @Nullable Object value, @Nullable Object usual) {
    return value == null || Objects.equals(value, usual) ? this : with(name, value);
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
