// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.Sampler;
import dev.xent.Tensor;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;

/** Which random numbers the rows have: of all rows, or of each from a file. */
final class RandomNumbers {
  @Option(
      names = "--seed",
      paramLabel = "S",
      converter = Bits.class,
      description = "The seed of all rows; any whole number of 64 bits. Default: 0.")
  private @Nullable Long seed;

  @Option(
      names = "--stream",
      paramLabel = "S",
      converter = Bits.class,
      description = "The stream of row 0, of 64 bits like the seed; row i has S + i. Default: 0.")
  private @Nullable Long stream;

  @Option(
      names = "--step",
      paramLabel = "N",
      description = "Number of tokens before this one. Default: 0.")
  private @Nullable Long step;

  @Option(
      names = "--seeds",
      paramLabel = "S.npy",
      description = "A seed for each row, instead of --seed.")
  private @Nullable Path seeds;

  @Option(
      names = "--streams",
      paramLabel = "S.npy",
      description = "A stream for each row, instead of --stream.")
  private @Nullable Path streams;

  @Option(
      names = "--steps",
      paramLabel = "N.npy",
      description = "A step for each row, instead of --step.")
  private @Nullable Path steps;

  /** Refuses a step that cannot be, and a number of all rows beside the numbers of each. */
  void require() {
    Ranges.counter("--step", step());
    requireOne("--seed", seed, "--seeds", seeds);
    requireOne("--stream", stream, "--streams", streams);
    requireOne("--step", step, "--steps", steps);
  }

  private static void requireOne(
      String option, @Nullable Long ofAll, String fileOption, @Nullable Path ofEach) {
    if (ofAll != null && ofEach != null) {
      throw new CommandException(
          String.format(
              Locale.ROOT, "%s and %s exclude each other; remove one of them", option, fileOption));
    }
  }

  private static long orZero(@Nullable Long number) {
    return number == null ? 0 : number;
  }

  /** The files that were given. */
  Stream<Path> files() {
    return Stream.of(seeds, streams, steps).flatMap(Stream::ofNullable);
  }

  /** How many tokens came before, where all rows have that in common. */
  long step() {
    return orZero(step);
  }

  /** A builder with the numbers that rows have in common. */
  Sampler.Builder applyTo(Sampler.Builder builder) {
    return builder.seed(orZero(seed)).stream(orZero(stream));
  }

  /**
   * The requests of rows, or null where no file gives them numbers of their own.
   *
   * @param common makes builders of what the rows have in common
   */
  Sampler.@Nullable Requests requests(
      Supplier<Sampler.Builder> common, Rows rows, FileMemory memory) {
    if (files().findAny().isEmpty()) {
      return null;
    }
    Sampler.Requests requests = new Sampler.Requests();
    long[] seedOf = numbers(seeds, "--seeds", rows, memory);
    long[] streamOf = numbers(streams, "--streams", rows, memory);
    long[] stepOf = numbers(steps, "--steps", rows, memory);
    Sampler sampler = common.get().seed(orZero(seed)).build();
    for (int row = 0; row < count(rows); row++) {
      if (seedOf != null) {
        sampler = common.get().seed(seedOf[row]).build();
      }
      if (stepOf != null) {
        Ranges.counter("--steps of row " + rows.place(row), stepOf[row]);
      }
      requests.add(
          sampler,
          streamOf == null ? orZero(stream) + row : streamOf[row],
          stepOf == null ? step() : stepOf[row]);
    }
    return requests;
  }

  private static int count(Rows rows) {
    return Math.toIntExact(Arrays.stream(rows.shape()).reduce(1, Math::multiplyExact));
  }

  private static long @Nullable [] numbers(
      @Nullable Path path, String option, Rows rows, FileMemory memory) {
    if (path == null) {
      return null;
    }
    Tensor tensor = InputFiles.integers(path, memory);
    if (!Arrays.equals(tensor.shape(), rows.shape())) {
      throw new CommandException(
          String.format(
              Locale.ROOT,
              "%s %s has shape %s; expected %s, one number per row",
              option,
              path,
              Arrays.toString(tensor.shape()),
              Arrays.toString(rows.shape())));
    }
    return tensor.toLongArray();
  }

  /** 64 bits as a whole number with a sign or without one: -1 is 18446744073709551615. */
  private static final class Bits implements ITypeConverter<Long> {
    @Override
    public Long convert(String word) {
      return Converters.bits(word);
    }
  }
}
