// SPDX-License-Identifier: Apache-2.0

import java.security.Provider;
import java.security.SecureRandomSpi;
import java.util.SplittableRandom;

/**
 * Random numbers for a JVM under Wine. The JDK seeds its random numbers, which it uses for names of
 * temporary files, with the names of network adapters. Wine 8 lacks the function that lists these,
 * so the JVM would end.
 */
public final class WineRandom extends Provider {
  public WineRandom() {
    super("WineRandom", "1", "random numbers that are no secret");
    put("SecureRandom.Wine", Numbers.class.getName());
  }

  public static final class Numbers extends SecureRandomSpi {
    private final SplittableRandom random = new SplittableRandom();

    @Override
    protected void engineSetSeed(byte[] seed) {}

    @Override
    protected synchronized void engineNextBytes(byte[] bytes) {
      random.nextBytes(bytes);
    }

    @Override
    protected byte[] engineGenerateSeed(int count) {
      byte[] seed = new byte[count];
      engineNextBytes(seed);
      return seed;
    }
  }
}
