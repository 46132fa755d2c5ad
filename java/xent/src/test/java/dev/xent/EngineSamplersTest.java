// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.SamplingFilter;
import dev.xent.options.SamplingRules;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Random;
import java.util.function.IntPredicate;
import java.util.function.ToIntFunction;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * A cursor instead of the samplers of engines on the JVM. For each engine there is a type with the
 * signature of its sampler, and a sort that computes the classes that the engine keeps and their
 * probabilities. The cursor draws these classes with these probabilities. The options are those of
 * the table in the guide on the next token.
 */
@org.junit.jupiter.api.parallel.Execution(ExecutionMode.CONCURRENT)
class EngineSamplersTest {
  private static final int CLASSES = 40;
  private static final int DRAWS = 4000;

  /** Of Llama3.java and GPULlama3.java: logits that wrap an array. */
  private record FloatTensor(float[] values) {}

  private interface LlamaSampler {
    int sampleToken(FloatTensor logits);
  }

  /** Of Jlama: a tensor with a segment; the temperature belongs to the request. */
  private record AbstractTensor(MemorySegment getMemorySegment) {}

  private interface JlamaSampler {
    int sample(AbstractTensor output);
  }

  /** Of inference4j: a new array in every step. */
  private interface GenerationSampler {
    int sample(float[] logits);
  }

  /** Of Models: a predicate of allowed tokens. */
  private interface MaskedSampler {
    int sample(float[] logits, IntPredicate allowed);
  }

  /** Of Deliverance: the softcap, the filters and the coin of XTC. */
  private interface PickerSampler {
    int pick(AbstractTensor logits);
  }

  /** The classes of a row in falling order, and their probabilities. */
  private static final class Candidates {
    private int[] order;
    private double[] p;

    Candidates(float[] logits, double temperature, IntPredicate allowed) {
      order =
          IntStream.range(0, logits.length)
              .filter(allowed)
              .boxed()
              .sorted(Comparator.comparingDouble((Integer c) -> -logits[c]))
              .mapToInt(Integer::intValue)
              .toArray();
      p = Arrays.stream(order).mapToDouble(c -> Math.exp(logits[c] / temperature)).toArray();
      normalize();
    }

    private Candidates normalize() {
      double sum = DoubleStream.of(p).sum();
      p = DoubleStream.of(p).map(each -> each / sum).toArray();
      return this;
    }

    private Candidates keep(int from, int to) {
      order = Arrays.copyOfRange(order, from, to);
      p = Arrays.copyOfRange(p, from, to);
      return this;
    }

    Candidates topK(int k) {
      return keep(0, Math.min(k, order.length));
    }

    /** The fewest of the largest whose probabilities reach a sum. */
    Candidates topP(double least) {
      double sum = 0;
      int count = 0;
      while (count < p.length && sum < least) {
        sum += p[count++];
      }
      return keep(0, count);
    }

    /** Without those above the least likely one that reaches the threshold. */
    Candidates excludeTopChoices(double threshold) {
      int reach = (int) DoubleStream.of(p).filter(each -> each >= threshold).count();
      return reach > 1 ? keep(reach - 1, order.length) : this;
    }

    double[] probabilities() {
      normalize();
      double[] of = new double[CLASSES];
      for (int i = 0; i < order.length; i++) {
        of[order[i]] = p[i];
      }
      return of;
    }
  }

  private static float[] logits(Random random) {
    float[] row = new float[CLASSES];
    for (int c = 0; c < CLASSES; c++) {
      row[c] = (float) (2 * random.nextGaussian());
    }
    return row;
  }

  /** Draws from a row, and compares the counts with probabilities of the classes. */
  private static void assertDraws(double[] expected, ToIntFunction<float[]> sampler, float[] row) {
    int[] counts = new int[CLASSES];
    for (int i = 0; i < DRAWS; i++) {
      counts[sampler.applyAsInt(row)]++;
    }
    double worst = 0;
    for (int c = 0; c < CLASSES; c++) {
      double mean = DRAWS * expected[c];
      double deviation = Math.sqrt(mean * (1 - expected[c]));
      assertThat(counts[c] == 0 || expected[c] > 0).as("class %d", c).isTrue();
      assertThat(counts[c] > 0 || mean < 30).as("class %d", c).isTrue();
      worst = Math.max(worst, Math.abs(counts[c] - mean) / (deviation + 1));
    }
    assertThat(worst).isLessThan(6); // one in 10^9 for a class
  }

  @Test
  void llama3AndGpuLlama3() {
    SamplerCursor tokens = Sampler.builder().temperature(0.8).topP(0.9).seed(1).build().start();
    LlamaSampler sampler = logits -> tokens.next(logits.values);
    Random random = new Random(11);
    for (int i = 0; i < 10; i++) {
      float[] row = logits(random);
      double[] kept = new Candidates(row, 0.8, c -> true).topP(0.9).probabilities();
      assertDraws(kept, each -> sampler.sampleToken(new FloatTensor(each)), row);
    }
  }

  @Test
  void jlama() {
    SamplerCursor tokens = Sampler.builder().temperature(1.2).softcap(5.0).seed(2).build().start();
    JlamaSampler sampler = output -> tokens.next(output.getMemorySegment);
    Random random = new Random(12);
    try (Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < 10; i++) {
        float[] row = logits(random);
        AbstractTensor tensor = new AbstractTensor(Segments.of(arena, row));
        double[] all = new Candidates(capped(row, 5), 1.2, c -> true).probabilities();
        assertDraws(all, each -> sampler.sample(tensor), row);
      }
    }
  }

  @Test
  void inference4j() {
    Sampler.Builder options = Sampler.builder().temperature(0.7).topK(12).topP(0.9).seed(3);
    SamplerCursor tokens = options.rules(SamplingRules.TRANSFORMERS).build().start();
    GenerationSampler sampler = tokens::next;
    Random random = new Random(13);
    for (int i = 0; i < 10; i++) {
      float[] row = logits(random);
      Candidates kept = new Candidates(row, 0.7, c -> true).topK(12).normalize().topP(0.9);
      assertDraws(kept.probabilities(), each -> sampler.sample(each.clone()), row);
    }
  }

  /** The probabilities of top-p are those of all classes, and the k largest are cut from them. */
  @Test
  void models() {
    SamplerCursor tokens =
        Sampler.builder()
            .temperature(0.9)
            .topK(8)
            .topP(0.8)
            .order(SamplingFilter.TOP_P, SamplingFilter.TOP_K)
            .seed(4)
            .build()
            .start();
    byte[] mask = new byte[CLASSES];
    SamplerInputs inputs = SamplerInputs.none().withClassMask(Tensor.of(mask));
    MaskedSampler sampler =
        (logits, allowed) -> {
          for (int c = 0; c < CLASSES; c++) {
            mask[c] = (byte) (allowed.test(c) ? 1 : 0);
          }
          return tokens.next(Tensor.of(logits), inputs);
        };
    IntPredicate allowed = c -> c % 3 != 0;
    Random random = new Random(14);
    for (int i = 0; i < 10; i++) {
      float[] row = logits(random);
      double[] kept = new Candidates(row, 0.9, allowed).topP(0.8).topK(8).probabilities();
      assertDraws(kept, each -> sampler.sample(each, allowed), row);
    }
  }

  @Test
  void deliverance() {
    SamplerCursor tokens =
        Sampler.builder()
            .softcap(6.0)
            .topK(20)
            .topP(0.95)
            .xtcProbability(1)
            .xtcThreshold(0.08)
            .rules(SamplingRules.TRANSFORMERS)
            .order(SamplingFilter.TOP_K, SamplingFilter.TOP_P, SamplingFilter.XTC)
            .seed(5)
            .build()
            .start();
    PickerSampler sampler = logits -> tokens.next(logits.getMemorySegment);
    Random random = new Random(15);
    try (Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < 10; i++) {
        float[] row = logits(random);
        AbstractTensor tensor = new AbstractTensor(Segments.of(arena, row));
        Candidates kept = new Candidates(capped(row, 6), 1, c -> true).topK(20).normalize();
        kept.topP(0.95).normalize().excludeTopChoices(0.08);
        assertDraws(kept.probabilities(), each -> sampler.pick(tensor), row);
      }
    }
  }

  /** A temperature of 0 is the loop of every engine: the first of the largest. */
  @Test
  void greedy() {
    SamplerCursor tokens = Sampler.greedy().start();
    Random random = new Random(16);
    for (int i = 0; i < 300; i++) {
      float[] row = logits(random);
      row[random.nextInt(CLASSES)] = row[random.nextInt(CLASSES)]; // some rows have equal logits
      int best = 0;
      for (int c = 1; c < CLASSES; c++) {
        best = row[c] > row[best] ? c : best;
      }
      assertThat(tokens.next(row)).isEqualTo(best);
    }
  }

  private static float[] capped(float[] row, double cap) {
    float[] capped = row.clone();
    for (int c = 0; c < row.length; c++) {
      capped[c] = (float) (cap * Math.tanh(row[c] / cap));
    }
    return capped;
  }
}
