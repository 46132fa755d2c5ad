// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import dev.xent.errors.DTypeException;
import dev.xent.internal.kernels.ElementType;

/**
 * The element types that can be combined. The leading array decides on the arithmetic: double if it
 * is F64, otherwise as for F32.
 */
public final class Types {
  private Types() {}

  /** Checks the type of the leading array. */
  public static void requireLead(String name, View view) {
    require(view.type.isFloat(), name, view, "a tensor of type F32, F16, BF16 or F64");
  }

  /** Checks the type of class indices that are written, or of offsets. */
  public static void requireIndex(String name, View view) {
    boolean fits = view.type == ElementType.I32 || view.type == ElementType.I64;
    require(fits, name, view, "a tensor of type I32 or I64");
  }

  /** Rejects an array whose type does not fit. */
  public static void require(boolean fits, String name, View view, String expected) {
    if (!fits) {
      throw new DTypeException(name + " is " + view.described() + "; expected " + expected);
    }
  }

  /** Whether floats of a type can be combined with a leading array of another type. */
  public static boolean fits(ElementType type, ElementType lead) {
    return type.holds(lead.isWide() ? ElementType.IN_DOUBLE : ElementType.IN_FLOAT);
  }

  /** The floating-point types that can be combined with a leading array, for an error message. */
  public static String allowed(ElementType lead) {
    return lead == ElementType.F64 ? "F64 or F32" : "F32, F16 or BF16";
  }
}
