// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import dev.xent.internal.ffi.XentH;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/** The versions that the build recorded. */
public final class BuildFacts {
  private static final String RESOURCE = "build.properties";

  private BuildFacts() {}

  /**
   * Returns the version of this library.
   *
   * @return in Maven's form: "1.2.3"
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

  /**
   * Returns the version of the C interface that this code calls.
   *
   * @return XENT_ABI_VERSION
   */
  public static int abiVersion() {
    return XentH.XENT_ABI_VERSION();
  }

  /**
   * Returns the numerics version that this code implements.
   *
   * @return XENT_NUMERICS_VERSION
   */
  public static int numericsVersion() {
    return XentH.XENT_NUMERICS_VERSION();
  }
}
