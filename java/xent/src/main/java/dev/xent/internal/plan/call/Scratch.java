// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import java.util.HashMap;
import java.util.Map;

/**
 * Objects that operations keep with a call for later calls: one object per class.
 *
 * @param <C> the type of the call
 */
public final class Scratch<C> {
  private final C call;
  private final Map<Class<?>, Object> objects = new HashMap<>();

  Scratch(C call) {
    this.call = call;
  }

  /** Creates an object on first use. */
  public interface Maker<C, T> {
    T make(C call);
  }

  /** Returns the object of a class; the first call creates it. */
  public <T> T get(Class<T> type, Maker<C, T> maker) {
    Object known = objects.get(type);
    if (known == null) {
      known = maker.make(call);
      objects.put(type, known);
    }
    return type.cast(known);
  }
}
