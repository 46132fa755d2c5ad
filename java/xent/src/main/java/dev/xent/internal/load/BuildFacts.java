// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/** What the build wrote down about itself. */
public final class BuildFacts {
  private static final String RESOURCE = "build.properties";

  private BuildFacts() {}

  /**
   * Returns the version of this library.
   *
   * @return as Maven has it: "1.2.3"
   */
  public static String version() {
    Properties facts = new Properties();
    try (InputStream stream = BuildFacts.class.getResourceAsStream(RESOURCE)) {
      if (stream == null) {
        throw new IllegalStateException("this build of Xent lacks its resource " + RESOURCE);
      }
      facts.load(stream);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return facts.getProperty("version");
  }
}
