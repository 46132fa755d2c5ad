// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import java.util.HashMap;
import java.util.Map;

/** What operations keep with a {@link Call} for the calls after it: one object of each class. */
public final class Scratch {
  private final Call call;
  private final Map<Class<?>, Object> objects = new HashMap<>();

  Scratch(Call call) {
    this.call = call;
  }

  /** Makes an object when it is needed first. */
  public interface Maker<T> {
    T make(Call call);
  }

  /** The object of a class. */
  public <T> T get(Class<T> type, Maker<T> maker) {
    Object known = objects.get(type);
    if (known == null) {
      known = maker.make(call);
      objects.put(type, known);
    }
    return type.cast(known);
  }
}
