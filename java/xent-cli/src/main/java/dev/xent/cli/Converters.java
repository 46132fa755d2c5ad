// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.DType;
import dev.xent.options.Backend;
import dev.xent.options.DivergenceKind;
import dev.xent.options.EmptyMean;
import dev.xent.options.FullyMasked;
import dev.xent.options.Isa;
import dev.xent.options.SamplingFilter;
import dev.xent.options.SamplingRules;
import dev.xent.options.Smoothing;
import dev.xent.options.Ties;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Converts words of the command line to values. */
public final class Converters {
  /** The JVM's replacement for undecodable bytes of an argument. */
  private static final char UNREADABLE = '\uFFFD';

  private static final Pattern WHOLE = Pattern.compile("[+-]?\\d+");
  private static final Pattern NUMBER =
      Pattern.compile("[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?");

  /** The start of a number with a digit other than 0 before its exponent. */
  private static final Pattern NOT_ZERO = Pattern.compile("[-+.0]*[1-9]");

  /** Standard output, as a file that an option names. */
  static final Path STANDARD = Path.of("-");

  private Converters() {}

  static void addTo(CommandLine line) {
    line.registerConverter(Path.class, word -> word.equals("-") ? STANDARD : file(word))
        .registerConverter(InputFile.class, word -> InputFile.of(word, Converters::file))
        .registerConverter(Double.class, Converters::number)
        .registerConverter(double.class, Converters::number)
        .registerConverter(int.class, Converters::small)
        .registerConverter(Integer.class, Converters::small)
        .registerConverter(Long.class, Converters::whole)
        .registerConverter(long.class, Converters::whole)
        .registerConverter(LossReduction.class, choice(List.of(LossReduction.values())))
        .registerConverter(EmptyMean.class, choice(List.of(EmptyMean.values())))
        .registerConverter(FullyMasked.class, choice(List.of(FullyMasked.values())))
        .registerConverter(Rules.class, choice(List.of(Rules.PYTORCH, Rules.ONNX)))
        .registerConverter(SamplingFilter.class, choice(List.of(SamplingFilter.values())))
        .registerConverter(SamplingRules.class, choice(List.of(SamplingRules.values())))
        .registerConverter(
            CompletionCommand.Shell.class, choice(List.of(CompletionCommand.Shell.values())))
        .registerConverter(Ties.class, choice(List.of(Ties.values())))
        .registerConverter(DivergenceKind.class, choice(List.of(DivergenceKind.values())))
        .registerConverter(Smoothing.class, choice(List.of(Smoothing.values())))
        .registerConverter(
            DType.class, floats(List.of(DType.F16, DType.BF16, DType.F32, DType.F64)))
        .registerConverter(Backend.class, choice(List.of(Backend.values())))
        .registerConverter(Isa.class, choice(List.of(Isa.SCALAR, Isa.AVX2, Isa.AVX512, Isa.NEON)));
  }

  /** The name of a file. */
  public static Path file(String word) {
    if (word.isEmpty() || word.equals("-")) {
      throw new TypeConversionException(message("'%s' is not the name of a file", word));
    }
    if (word.indexOf(UNREADABLE) >= 0) {
      throw new TypeConversionException(
          message(
              "'%s' is not a valid file name in %s, the encoding of the locale; set LC_ALL=C.UTF-8"
                  + " or rename the file",
              word, System.getProperty("sun.jnu.encoding")));
    }
    try {
      Path path = Path.of(word);
      if (word.endsWith("/") && !Files.isDirectory(path)) {
        throw new TypeConversionException(
            message(
                "'%s' is not the name of a file: it ends with a slash, as the name of a directory"
                    + " may",
                word));
      }
      return path;
    } catch (InvalidPathException e) {
      throw new TypeConversionException(
          message("'%s' is not the name of a file: %s", word, e.getReason()));
    }
  }

  /** A decimal number, nan, inf or -inf; the operation checks the range. */
  private static double number(String word) {
    return switch (word.toLowerCase(Locale.ROOT)) {
      case "nan" -> Double.NaN;
      case "inf", "+inf", "infinity", "+infinity" -> Double.POSITIVE_INFINITY;
      case "-inf", "-infinity" -> Double.NEGATIVE_INFINITY;
      default -> {
        if (!NUMBER.matcher(word).matches()) {
          throw new TypeConversionException(message("'%s' is not a number", word));
        }
        double number = Double.parseDouble(word);
        if (number == 0 && NOT_ZERO.matcher(word).lookingAt()) {
          throw new TypeConversionException(
              message("'%s' is too small; the smallest number is 4.9e-324", word));
        }
        if (Double.isInfinite(number)) {
          throw new TypeConversionException(
              message("'%s' is too large; the largest number is 1.8e308", word));
        }
        yield number;
      }
    };
  }

  private static BigInteger integer(String word) {
    if (!WHOLE.matcher(word).matches()) {
      throw new TypeConversionException(message("'%s' is not a whole number", word));
    }
    return new BigInteger(word);
  }

  private static long whole(String word) {
    BigInteger value = integer(word);
    return require(word, value.bitLength() < Long.SIZE, "-2^63 to 2^63 - 1", value).longValue();
  }

  /** A 64-bit integer, signed or unsigned. */
  static long bits(String word) {
    BigInteger value = integer(word);
    boolean fits = value.bitLength() < Long.SIZE + (value.signum() > 0 ? 1 : 0);
    return require(word, fits, "-2^63 to 2^64 - 1", value).longValue();
  }

  private static int small(String word) {
    BigInteger value = integer(word);
    return require(word, value.bitLength() < Integer.SIZE, "-2^31 to 2^31 - 1", value).intValue();
  }

  private static BigInteger require(String word, boolean fits, String range, BigInteger value) {
    if (!fits) {
      throw new TypeConversionException(
          message("'%s' is out of range; must be from %s", word, range));
    }
    return value;
  }

  /** Converts the words of these constants. */
  public static <E extends Enum<E>> ITypeConverter<E> choice(List<E> values) {
    List<String> names = values.stream().map(Converters::name).toList();
    return word -> {
      int index = names.indexOf(word);
      if (index < 0) {
        throw new TypeConversionException(
            message("'%s' is not one of %s", word, String.join(", ", names)));
      }
      return values.get(index);
    };
  }

  /** Floating-point types by their names here and in NumPy and PyTorch. */
  static ITypeConverter<DType> floats(List<DType> types) {
    ITypeConverter<DType> ours = choice(types);
    return word ->
        ours.convert(
            switch (word) {
              case "f2", "float16", "half" -> "f16";
              case "bfloat16" -> "bf16";
              case "f4", "float32", "float" -> "f32";
              case "f8", "float64", "double" -> "f64";
              default -> word;
            });
  }

  /** The word of the command line for a constant: {@code AVX2} is {@code avx2}. */
  public static String name(Enum<?> constant) {
    if (constant == SamplingRules.LLAMA_CPP) {
      return "llama.cpp";
    }
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
