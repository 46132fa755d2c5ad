// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import java.util.HashMap;
import java.util.Map;

/** Objects that operations keep with a {@link Call} for later calls: one object per class. */
public final class Scratch {
  private final Call call;
  private final Map<Class<?>, Object> objects = new HashMap<>();

  Scratch(Call call) {
    this.call = call;
  }

  /** Creates an object on first use. */
  public interface Maker<T> {
    T make(Call call);
  }

  /** Returns the object of a class; the first call creates it. */
  public <T> T get(Class<T> type, Maker<T> maker) {
    Object known = objects.get(type);
    if (known == null) {
      known = maker.make(call);
      objects.put(type, known);
    }
    return type.cast(known);
  }
}
