// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import java.util.Locale;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.lifecycle.AroundPropertyHook;
import net.jqwik.api.lifecycle.PropagationMode;
import net.jqwik.api.lifecycle.PropertyAttributes;
import net.jqwik.api.lifecycle.PropertyExecutionResult;
import net.jqwik.api.lifecycle.PropertyExecutor;
import net.jqwik.api.lifecycle.PropertyLifecycleContext;

/** Sets how often a law is tried, and prints how often it was. */
final class Tries implements AroundPropertyHook {
  private static final int TIMES = Integer.getInteger("xent.tries", 1);

  /** The same samples in every build; other ones in every long run. */
  private static final String SEED = "20261120";

  @Override
  public PropagationMode propagateTo() {
    return PropagationMode.ALL_DESCENDANTS;
  }

  @Override
  public PropertyExecutionResult aroundProperty(
      PropertyLifecycleContext context, PropertyExecutor property) throws Throwable {
    PropertyAttributes attributes = context.attributes();
    attributes.setTries(attributes.tries().orElseThrow() * TIMES);
    attributes.setEdgeCases(EdgeCasesMode.NONE);
    if (TIMES == 1) {
      attributes.setSeed(SEED);
    }
    if (System.getProperty("xent.sample") != null) {
      attributes.setTries(1);
    }
    Laws.COMPARED.reset();
    long begin = System.nanoTime();
    PropertyExecutionResult result = property.execute();
    System.out.printf(
        Locale.ROOT,
        "law %s: %,d samples, %,d values compared, %d differ, %.1f s, seed %s%n",
        context.label(),
        result.countTries(),
        Laws.COMPARED.sum(),
        result.status() == PropertyExecutionResult.Status.SUCCESSFUL ? 0 : 1,
        (System.nanoTime() - begin) / 1e9,
        result.seed().orElse("none"));
    return result;
  }
}
