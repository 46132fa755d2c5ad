// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.demo;

import dev.xent.DType;
import dev.xent.Tensor;
import java.io.BufferedReader;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;

/**
 * Handwritten digits, 8 x 8 pixels each, in off-heap memory. The README next to {@code
 * digits.csv.gz} names source and license.
 *
 * @param pixels F32 [images, 64], 0 to 1
 * @param labels I32 [images], 0 to 9
 */
record Digits(Tensor pixels, Tensor labels) {
  static final int PIXELS = 64;
  static final int CLASSES = 10;

  private static final String RESOURCE = "digits.csv.gz";
  private static final float INK = 16;

  /** The last one of each group of this many images is for the test. */
  private static final int TEST_EVERY = 5;

  /** The training images. */
  static Digits training(Arena arena) {
    return of(image -> !isTest(image), arena);
  }

  /** The test images, every fifth one of the file. */
  static Digits test(Arena arena) {
    return of(Digits::isTest, arena);
  }

  /** All images, in the order of the file. */
  static Digits all(Arena arena) {
    return of(image -> true, arena);
  }

  private static boolean isTest(int image) {
    return image % TEST_EVERY == TEST_EVERY - 1;
  }

  int size() {
    return Math.toIntExact(labels.elements());
  }

  /** The images from one index up to, but not including, another. */
  Digits slice(int from, int to) {
    return new Digits(pixels.slice(0, from, to), labels.slice(0, from, to));
  }

  private static Digits of(IntPredicate chosen, Arena arena) {
    List<String> all = lines();
    List<String> lines = IntStream.range(0, all.size()).filter(chosen).mapToObj(all::get).toList();
    float[] pixels = new float[lines.size() * PIXELS];
    int[] labels = new int[lines.size()];
    for (int i = 0; i < labels.length; i++) {
      String[] numbers = lines.get(i).split(",");
      for (int j = 0; j < PIXELS; j++) {
        pixels[i * PIXELS + j] = Integer.parseInt(numbers[j]) / INK;
      }
      labels[i] = Integer.parseInt(numbers[PIXELS]);
    }
    Tensor images = Tensor.allocate(arena, DType.F32, labels.length, PIXELS);
    Tensor digits = Tensor.allocate(arena, DType.I32, labels.length);
    images.copyFrom(Tensor.of(pixels, labels.length, PIXELS));
    digits.copyFrom(Tensor.of(labels));
    return new Digits(images, digits);
  }

  private static List<String> lines() {
    try (InputStream file = Digits.class.getResourceAsStream(RESOURCE)) {
      if (file == null) {
        throw new FileNotFoundException(RESOURCE + " is not in the jar; build it again");
      }
      return new BufferedReader(
              new InputStreamReader(new GZIPInputStream(file), StandardCharsets.US_ASCII))
          .lines()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
