// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import dev.xent.Softmax;
import dev.xent.errors.OptionException;
import java.io.IOException;

/** A program for {@link LoaderTest}: builds operations under invalid settings. */
public final class FailingProbe {
  private FailingProbe() {}

  /**
   * Prints how often building threw, and how many libraries are mapped after that.
   *
   * @param arguments how many operations are built
   * @throws IOException if the process cannot read its own mappings
   */
  public static void main(String[] arguments) throws IOException {
    int refused = 0;
    for (int i = 0; i < Integer.parseInt(arguments[0]); i++) {
      try {
        Softmax.along(-1);
      } catch (OptionException e) {
        refused++;
      }
    }
    System.out.printf("refused %d times, %d mapped%n", refused, ClassLoaderProbe.libraries());
  }
}
