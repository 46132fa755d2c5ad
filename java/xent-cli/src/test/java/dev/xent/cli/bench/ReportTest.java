// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.xent.XentRuntime;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.w3c.dom.Document;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

class ReportTest {
  private static final Machine MACHINE =
      new Machine("A </script><b>CPU</b> & \"more\"", 2, "A JVM 25");
  private static final List<Tier> TIERS =
      List.of(
          Tier.REFERENCE,
          new Tier(Backend.NATIVE, Isa.SCALAR),
          new Tier(Backend.NATIVE, Isa.AVX2),
          new Tier(Backend.NATIVE, Isa.AVX512));
  private static final List<Result> RESULTS = results();

  private static List<Result> results() {
    List<Result> results = new ArrayList<>();
    for (Operation operation : Operation.values()) {
      double nanoseconds = 1234;
      for (Shape shape : List.of(Shape.of("64x128256"), Shape.of("2x19x512x1024@1"))) {
        for (Tier tier : TIERS) {
          Times times = new Times(nanoseconds, nanoseconds / 2);
          Result.MemoryTimes memory = new Result.MemoryTimes(0.2, 0.1);
          results.add(new Result(operation, shape, tier, 1, times, memory));
          nanoseconds /= 5;
        }
      }
    }
    return results;
  }

  private static String text(Charset encoding) {
    StringWriter out = new StringWriter();
    new TextReport(new PrintWriter(out), encoding).print(MACHINE, RESULTS);
    return out.toString();
  }

  @Test
  void theTableFitsAHundredColumns() {
    assertThat(text(StandardCharsets.UTF_8).lines())
        .allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(100));
    assertThat(text(StandardCharsets.UTF_8))
        .contains("shape", "memcpy     reference        scalar          avx2        avx512", "read")
        .containsPattern("64x128256 +0\\.200 +1234 +0\\.0% +247 +0\\.1% +49\\.4 +0\\.4% +9\\.87");
  }

  @Test
  void theTableHasBarsInEveryEncoding() {
    assertThat(text(StandardCharsets.UTF_8)).contains("█");
    assertThat(text(StandardCharsets.US_ASCII)).contains("#").matches("\\p{ASCII}+");
  }

  @ParameterizedTest
  @CsvSource({"0.1584,0.158", "0.9996,1.000", "1.234,1.23", "9.996,10.0", "99.96,100", "4321,4321"})
  void numbersHaveThreeDigits(double value, String text) {
    assertThat(Figures.number(value)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource({"0.0994,9.9%", "0.0996,10%", "1.037,104%", "0.00001,0.0%"})
  void sharesArePercents(double value, String text) {
    assertThat(Figures.share(value)).isEqualTo(text);
  }

  /** Each result is a dot with its numbers, and the text of the machine stays text. */
  @Test
  void theChartHasEveryResult() throws Exception {
    Document chart =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(new InputSource(new StringReader(Chart.svg(MACHINE, RESULTS))));
    assertThat(texts(chart, "text"))
        .contains("Xent on " + MACHINE.cpu(), "A JVM 25, " + XentRuntime.get())
        .contains("reference", "scalar", "avx2", "avx512", "64x128256", "cross-entropy-grad")
        .contains("100%");
    assertThat(texts(chart, "title").stream().filter(title -> !title.isEmpty()))
        .hasSameSizeAs(RESULTS)
        .first()
        .isEqualTo(
            "softmax 64x128256, reference: 1234 ns per element, 0.006 GB/s,"
                + " 0.0% of the speed of memory (memcpy)");
  }

  /** Slower kernels are on the left, and the speed of memory is the dashed line. */
  @Test
  void theChartPlacesDotsByTheirShare() {
    List<Result> shares = new ArrayList<>();
    for (double nanoseconds : new double[] {20, 2, 0.2}) {
      Times times = new Times(nanoseconds, nanoseconds);
      Result.MemoryTimes memory = new Result.MemoryTimes(0.2, 0.1);
      shares.add(
          new Result(
              Operation.SOFTMAX, Shape.of("4x8"), TIERS.get(shares.size()), 1, times, memory));
    }
    String chart = Chart.svg(MACHINE, shares);
    List<Double> dots = numbers(chart, "cx=\"([0-9.]+)\" [^>]*><title>softmax");
    assertThat(dots).hasSize(3).isSorted();
    assertThat(dots.get(2) - dots.get(1)).isCloseTo(dots.get(1) - dots.get(0), within(0.11));
    assertThat(numbers(chart, "<line x1=\"([0-9.]+)\" [^>]*class=\"memory\"/>"))
        .containsExactly(dots.get(2));
  }

  private static List<Double> numbers(String chart, String pattern) {
    return Pattern.compile(pattern)
        .matcher(chart)
        .results()
        .map(found -> Double.parseDouble(found.group(1)))
        .toList();
  }

  private static List<String> texts(Document chart, String tag) {
    NodeList elements = chart.getElementsByTagName(tag);
    return IntStream.range(0, elements.getLength())
        .mapToObj(i -> elements.item(i).getTextContent())
        .toList();
  }
}
