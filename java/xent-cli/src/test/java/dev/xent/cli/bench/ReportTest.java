// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Attribute;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;
import org.jsoup.parser.Parser;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReportTest {
  private static final Machine MACHINE =
      new Machine(
          "A </script><b>CPU</b> & \"more\"",
          2,
          "A JVM 25",
          "A system",
          List.of(new Machine.Cache(1, 32 << 10), new Machine.Cache(2, 1 << 20)));
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

  static String page() {
    List<Ceiling> ceilings = List.of(new Ceiling(1024, 60, 90), new Ceiling(2048, 50, 80));
    return new HtmlReport(MACHINE, RESULTS, ceilings).page();
  }

  @Test
  void thePageIsWellFormed() {
    Parser parser = Parser.htmlParser().setTrackErrors(10);
    Document page = Jsoup.parse(page(), parser);
    assertThat(parser.getErrors()).isEmpty();
    assertThat(page.title()).isEqualTo("xent bench: " + MACHINE.cpu());
    assertThat(page.select("h1").text()).isEqualTo("Xent on " + MACHINE.cpu());
    assertThat(page.select("[id]").eachAttr("id")).doesNotHaveDuplicates();
  }

  @Test
  void thePageLoadsNothing() {
    Document page = Jsoup.parse(page());
    assertThat(page.select("link, img, iframe, object, embed, base, script[src]")).isEmpty();
    for (Element element : page.getAllElements()) {
      for (Attribute attribute : element.attributes()) {
        assertThat(attribute.getValue()).as(attribute.getKey()).doesNotContain("//", "url(");
      }
    }
    assertThat(page.select("a[href]").eachAttr("href"))
        .isNotEmpty()
        .allSatisfy(link -> assertThat(page.select(link)).hasSize(1));
    assertThat(page.select("style").html()).doesNotContain("url(", "@import");
    assertThat(page.select("script").eachText()).noneMatch(text -> text.contains("sourceMapping"));
    assertThat(page.html()).doesNotContain("sourceMappingURL");
    assertThat(page.select("meta[http-equiv=Content-Security-Policy]").attr("content"))
        .startsWith("default-src 'none'");
  }

  @Test
  void thePageHasEveryNumberWithoutItsScript() {
    Document page = Jsoup.parse(page());
    assertThat(page.select("tbody tr")).hasSameSizeAs(RESULTS);
    assertThat(page.select("details h3").eachText())
        .containsExactly(
            "softmax",
            "log-softmax",
            "softmax-backward",
            "log-softmax-backward",
            "cross-entropy",
            "cross-entropy-grad");
    assertThat(page.select("tbody tr").getFirst().text())
        .isEqualTo("64x128256 reference 1234 0.0% 0.006 617 0.200 0.100");
    assertThat(page.select(".drawn")).allMatch(section -> section.hasAttr("hidden"));
    assertThat(page.select(".card")).hasSize(6);
  }

  @Test
  void thePageGivesItsScriptTheNumbers() throws IOException {
    Map<String, Object> data = JSON.std.mapFrom(Jsoup.parse(page()).select("#data").html());
    assertThat(data.get("tiers")).isEqualTo(List.of("reference", "scalar", "avx2", "avx512"));
    assertThat((List<?>) data.get("results")).hasSameSizeAs(RESULTS);
    assertThat((List<?>) data.get("ceilings")).hasSize(2);
    assertThat((List<?>) data.get("caches")).hasSize(2);
  }

  @Test
  void thePageHasTheLicenceOfTheChartLibrary() {
    assertThat(page()).contains("The MIT License (MIT)", "Chart.js Contributors");
  }
}
