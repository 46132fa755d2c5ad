// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.Sampler;
import dev.xent.SamplerRequests;
import dev.xent.Tensor;
import dev.xent.errors.OptionException;
import java.util.Arrays;
import java.util.function.IntToLongFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;

/** The options of the random numbers of rows: for all rows, or for each row from a file. */
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
  private @Nullable InputFile seeds;

  @Option(
      names = "--streams",
      paramLabel = "S.npy",
      description = "A stream for each row, instead of --stream.")
  private @Nullable InputFile streams;

  @Option(
      names = "--steps",
      paramLabel = "N.npy",
      description = "A step for each row, instead of --step.")
  private @Nullable InputFile steps;

  /** Rejects an option for all rows together with its file for each row. */
  void require() {
    requireOne("--seed", seed, "--seeds", seeds);
    requireOne("--stream", stream, "--streams", streams);
    requireOne("--step", step, "--steps", steps);
  }

  private static void requireOne(
      String option, @Nullable Long ofAll, String fileOption, @Nullable InputFile ofEach) {
    if (ofAll != null && ofEach != null) {
      throw new CommandException(
          message("%s and %s exclude each other; remove one of them", option, fileOption));
    }
  }

  private static long orZero(@Nullable Long number) {
    return number == null ? 0 : number;
  }

  /** The number of earlier tokens, if all rows have the same number. */
  long step() {
    return orZero(step);
  }

  /** Sets the numbers that all rows share in a builder. */
  Sampler.Builder applyTo(Sampler.Builder builder) {
    return builder.seed(orZero(seed)).stream(orZero(stream));
  }

  /**
   * The requests of rows, or null without a file of numbers per row.
   *
   * @param common creates builders with the numbers that rows share
   */
  @Nullable SamplerRequests requests(
      Supplier<Sampler.Builder> common, Rows rows, CommandFiles files) {
    if (seeds == null && streams == null && steps == null) {
      return null;
    }
    IntToLongFunction seedOf = each(seeds, "--seeds", rows, files, row -> orZero(seed));
    IntToLongFunction streamOf =
        each(streams, "--streams", rows, files, row -> orZero(stream) + row);
    IntToLongFunction stepOf = each(steps, "--steps", rows, files, row -> step());
    SamplerRequests requests = SamplerRequests.create();
    Sampler sampler = common.get().seed(orZero(seed)).build();
    for (int row = 0; row < count(rows); row++) {
      if (seeds != null) {
        sampler = common.get().seed(seedOf.applyAsLong(row)).build();
      }
      try {
        requests.add(sampler, streamOf.applyAsLong(row), stepOf.applyAsLong(row));
      } catch (OptionException e) {
        throw new CommandException(
            message("row %s of %s: %s", rows.place(row), steps, e.getMessage()));
      }
    }
    return requests;
  }

  private static int count(Rows rows) {
    return Math.toIntExact(Arrays.stream(rows.shape()).reduce(1, Math::multiplyExact));
  }

  /** The number of each row: from a file, or the default without a path. */
  private static IntToLongFunction each(
      @Nullable InputFile path,
      String option,
      Rows rows,
      CommandFiles files,
      IntToLongFunction byDefault) {
    if (path == null) {
      return byDefault;
    }
    Tensor tensor = files.integers(path);
    // The only row of logits of one dimension; a file of one number is a tensor of shape [1].
    long[] expected = rows.shape().length == 0 ? new long[] {1} : rows.shape();
    if (!Arrays.equals(tensor.shape(), expected)) {
      throw new CommandException(
          message(
              "%s %s has shape %s; expected %s, one number per row",
              option, path, Arrays.toString(tensor.shape()), Arrays.toString(expected)));
    }
    long[] numbers = tensor.toLongArray();
    return row -> numbers[row];
  }

  /** Parses 64-bit integers, signed or unsigned: -1 equals 18446744073709551615. */
  private static final class Bits implements ITypeConverter<Long> {
    @Override
    public Long convert(String word) {
      return Converters.bits(word);
    }
  }
}
