// SPDX-License-Identifier: Apache-2.0
// In the package of the engine, whose classes are visible only there.
package com.llama4j;

import com.sun.management.ThreadMXBean;
import dev.xent.CrossEntropy;
import dev.xent.Execution;
import dev.xent.SamplerCursor;
import dev.xent.Tensor;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * The engine's own sampler and Xent's on the logits of a real model, in turns: tables in Markdown. {@code MODEL.gguf
 * TEXT TOKENS}: a text for the perplexity, and the tokens to measure of each setting. Exits with 1 if two texts differ
 * that must be equal.
 */
final class RealTokens {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final float[][] SETTINGS = {{0, 1}, {0.8f, 0.95f}, {1, 1}, {1.5f, 0.95f}};
  private static final String[] QUESTIONS = {
    "Explain in a few sentences why the sky is blue.", "Write a short story about a dog who learns to swim.",
    "List ten uses of a brick.", "What is the capital of France, and what is it known for?"};
  private static boolean failed;

  private final SmolLm smol;
  private final int tokens;

  private RealTokens(SmolLm smol, int tokens) {
    this.smol = smol;
    this.tokens = tokens;
  }

  public static void main(String[] arguments) throws IOException {
    RealTokens benchmark =
        new RealTokens(SmolLm.load(Path.of(arguments[0]), 2048), Integer.parseInt(arguments[2]));
    benchmark.turns();
    benchmark.texts();
    benchmark.drafts();
    benchmark.perplexity(Files.readString(Path.of(arguments[1])));
    System.exit(failed ? 1 : 0);
  }

  private static dev.xent.Sampler xent(float[] setting) {
    return setting[0] == 0
        ? dev.xent.Sampler.greedy()
        : dev.xent.Sampler.builder().temperature(setting[0]).topP(setting[1]).seed(7).build();
  }

  private Sampler own(float[] setting) {
    return Llama3.selectSampler(smol.vocabulary(), setting[0], setting[1], 7);
  }

  private static String name(float[] setting) {
    return setting[0] == 0 ? "greedy" : setting[0] + (setting[1] < 1 ? ", " + setting[1] : ", off");
  }

  private static void line(String format, Object... values) {
    System.out.println(String.format(Locale.ROOT, format, values));
  }

  private static void check(boolean holds, String otherwise) {
    if (!holds) {
      failed = true;
      line("FAILED: %s", otherwise);
    }
  }

  /** Both samplers on the same logits, with a forward pass of the model before each pair. */
  private void turns() {
    line("| temperature, top-p | own, µs | Xent, µs | own, p90 | Xent, p90 | own, bytes | Xent, bytes "
        + "| share of own | share of Xent | kept |");
    line("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for (float[] setting : SETTINGS) {
      turns(setting, false); // what compiles the engine
      turns(setting, true);
    }
    line("");
  }

  private void turns(float[] setting, boolean print) {
    int count = print ? tokens : tokens / 4;
    double[] theirs = new double[count];
    double[] ours = new double[count];
    double[] forward = new double[count];
    double[] kept = new double[count];
    long[] bytes = new long[2];
    int[] keptCount = new int[1];
    int done = 0;
    for (int question = 0; done < count; question++) {
      Llama.State state = smol.read(smol.prompt(QUESTIONS[question % QUESTIONS.length]));
      int position = smol.prompt(QUESTIONS[question % QUESTIONS.length]).size();
      Sampler own = own(setting);
      SamplerCursor cursor = xent(setting).start(question);
      SamplerCursor probe = xent(setting).start(question)
          .outputs(dev.xent.SamplerOutputs.create().kept(Tensor.of(keptCount)));
      float[] copy = new float[smol.vocabulary()];
      for (int i = 0; i < count / QUESTIONS.length + 1 && done < count; i++, done++) {
        float[] logits = SmolLm.logits(state);
        System.arraycopy(logits, 0, copy, 0, copy.length); // the engine's own changes its logits
        int theirToken = -1;
        int ourToken = -1;
        for (int half = 0; half < 2; half++) {
          long before = THREADS.getCurrentThreadAllocatedBytes();
          long start = System.nanoTime();
          if (half == i % 2) {
            theirToken = own.sampleToken(new ArrayFloatTensor(copy));
            theirs[done] = (System.nanoTime() - start) / 1e3;
            bytes[0] += THREADS.getCurrentThreadAllocatedBytes() - before;
          } else {
            ourToken = cursor.next(logits);
            ours[done] = (System.nanoTime() - start) / 1e3;
            bytes[1] += THREADS.getCurrentThreadAllocatedBytes() - before;
          }
        }
        check(probe.next(logits) == ourToken, "a token differs with an output");
        kept[done] = keptCount[0];
        if (setting[0] > 0 && setting[1] < 1) {
          int exact = keptInDouble(logits, setting[0], setting[1]);
          check(exact == keptCount[0], "top-p keeps " + keptCount[0] + ", a sort in double " + exact);
        }
        check(setting[0] > 0 || theirToken == ourToken, "greedy: " + theirToken + " and " + ourToken);
        long start = System.nanoTime();
        Llama.forward(smol.model(), state, new int[] {theirToken}, position++, true);
        forward[done] = (System.nanoTime() - start) / 1e3;
      }
    }
    if (print) {
      double model = SmolLm.percentile(forward, 0.5);
      double theirTime = SmolLm.percentile(theirs, 0.5);
      double ourTime = SmolLm.percentile(ours, 0.5);
      line("| %s | %.0f | %.0f | %.0f | %.0f | %d | %d | %.1f %% | %.1f %% | %.0f |", name(setting), theirTime, ourTime,
          SmolLm.percentile(theirs, 0.9), SmolLm.percentile(ours, 0.9), bytes[0] / count, bytes[1] / count,
          100 * mean(theirs) / (mean(theirs) + model), 100 * mean(ours) / (mean(ours) + model),
          SmolLm.percentile(kept, 0.5));
    }
  }

  private static double mean(double[] values) {
    return Arrays.stream(values).average().orElse(0);
  }

  private static int keptInDouble(float[] logits, double temperature, double share) {
    double largest = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      largest = Math.max(largest, logit);
    }
    double[] weights = new double[logits.length];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = Math.exp((logits[i] - largest) / temperature);
    }
    double goal = share * Arrays.stream(weights).sum();
    Arrays.sort(weights);
    int kept = 0;
    for (double sum = 0; sum < goal; kept++) {
      sum += weights[weights.length - 1 - kept];
    }
    return kept;
  }

  /** Whole texts, each sampler alone: tokens per second. */
  private void texts() {
    line("| temperature, top-p | own, tokens per second | Xent | tokens | own, share of the time | Xent |");
    line("|---|---:|---:|---:|---:|---:|");
    for (float[] setting : SETTINGS) {
      double[][] speed = new double[2][5];
      double[][] share = new double[2][5];
      int length = 0;
      for (int round = 0; round < 5; round++) {
        List<List<Integer>> written = new ArrayList<>();
        for (int k = 0; k < 2; k++) {
          boolean ours = (k + round) % 2 == 0;
          SamplerCursor cursor = xent(setting).start(round);
          Sampler sampler = ours ? logits -> cursor.next(((ArrayFloatTensor) logits).values) : own(setting);
          double[] times = new double[2];
          written.add(write(QUESTIONS[1], sampler, times));
          speed[ours ? 1 : 0][round] = written.getLast().size() / times[0];
          share[ours ? 1 : 0][round] = times[1] / times[0];
          length = Math.max(length, written.getLast().size());
        }
        check(setting[0] > 0 || written.get(0).equals(written.get(1)), "greedy texts differ");
      }
      line("| %s | %.1f | %.1f | %d | %.1f %% | %.1f %% |", name(setting), SmolLm.percentile(speed[0], 0.5),
          SmolLm.percentile(speed[1], 0.5), length, 100 * SmolLm.percentile(share[0], 0.5),
          100 * SmolLm.percentile(share[1], 0.5));
    }
    line("");
  }

  /** The tokens of a text; seconds of all, and of the sampler. */
  private List<Integer> write(String question, Sampler sampler, double[] seconds) {
    List<Integer> prompt = smol.prompt(question);
    Llama.State state = smol.read(prompt);
    List<Integer> written = new ArrayList<>();
    long start = System.nanoTime();
    long sampling = 0;
    while (written.size() < tokens) {
      long before = System.nanoTime();
      int token = sampler.sampleToken(state.logits);
      sampling += System.nanoTime() - before;
      written.add(token);
      if (smol.ends(token)) {
        break;
      }
      Llama.forward(smol.model(), state, new int[] {token}, prompt.size() + written.size() - 1, true);
    }
    seconds[0] = (System.nanoTime() - start) / 1e9;
    seconds[1] = sampling / 1e9;
    return written;
  }

  /** Drafts of what followed the same tokens before: the text must be the same without them. */
  private void drafts() {
    line("| drafts of n-grams | passes of the model | tokens | right drafts | verify, µs |");
    line("|---|---:|---:|---:|---:|");
    for (float[] setting : new float[][] {SETTINGS[0], SETTINGS[1]}) {
      for (int most : new int[] {4, 8}) {
        drafts(setting, most);
      }
    }
    line("");
  }

  private void drafts(float[] setting, int most) {
    List<Integer> prompt = smol.prompt(QUESTIONS[2]);
    SamplerCursor alone = xent(setting).start(3);
    List<Integer> plain = write(QUESTIONS[2], logits -> alone.next(((ArrayFloatTensor) logits).values), new double[2]);
    Llama.State state = smol.read(prompt);
    SamplerCursor cursor = xent(setting).start(3);
    List<Integer> all = new ArrayList<>(prompt);
    List<Integer> written = new ArrayList<>();
    add(cursor.next(SmolLm.logits(state)), all, written);
    int classes = smol.vocabulary();
    float[] rows = new float[(most + 1) * classes];
    int passes = 0;
    int drafted = 0;
    int accepted = 0;
    List<Double> times = new ArrayList<>();
    while (written.size() < tokens && !smol.ends(written.getLast())) {
      int[] drafts = draft(all, most);
      int[] input = new int[drafts.length + 1];
      input[0] = all.getLast();
      System.arraycopy(drafts, 0, input, 1, drafts.length);
      smol.rows(state, input, all.size() - 1, rows, 0);
      int[] drawn = new int[input.length];
      Tensor some = Tensor.of(rows, most + 1, classes).slice(0, 0, input.length);
      long start = System.nanoTime();
      int right = cursor.verify(some, drafts, drawn);
      times.add((System.nanoTime() - start) / 1e3);
      passes++;
      drafted += drafts.length;
      accepted += right;
      for (int i = 0; i <= right && written.size() < tokens && !smol.ends(written.getLast()); i++) {
        add(drawn[i], all, written);
      }
    }
    check(written.equals(plain), "the text with drafts differs from the text without, " + name(setting));
    line("| %s, up to %d | %d | %d | %d of %d | %.0f |", name(setting), most, passes, written.size(), accepted, drafted,
        SmolLm.percentile(times.stream().mapToDouble(Double::doubleValue).toArray(), 0.5));
  }

  private static void add(int token, List<Integer> all, List<Integer> written) {
    all.add(token);
    written.add(token);
  }

  /** Up to so many tokens that followed the last three, two or one tokens the last time. */
  private static int[] draft(List<Integer> all, int most) {
    for (int length = 3; length >= 1; length--) {
      List<Integer> end = all.subList(all.size() - length, all.size());
      for (int at = all.size() - length - 1; at >= 0; at--) {
        if (all.subList(at, at + length).equals(end)) {
          return SmolLm.ints(all.subList(at + length, Math.min(at + length + most, all.size())));
        }
      }
    }
    return new int[0];
  }

  private void perplexity(String text) {
    List<Integer> words = smol.encode(text);
    int count = Math.min(words.size() - 1, 2 * tokens) / 16 * 16;
    int classes = smol.vocabulary();
    float[] logits = new float[count * classes];
    Llama.State state = smol.model().createNewState(16);
    for (int at = 0; at < count; at += 16) {
      smol.rows(state, SmolLm.ints(words.subList(at, at + 16)), at, logits, at);
    }
    int[] labels = SmolLm.ints(words.subList(1, count + 1));
    CrossEntropy loss = CrossEntropy.builder().execution(Execution.sequential()).build();
    Tensor rows = Tensor.of(logits, count, classes);
    double[][] times = new double[2][5];
    double ours = 0;
    double loop = 0;
    for (int round = 0; round < 5; round++) {
      long start = System.nanoTime();
      ours = loss.forward(rows, Tensor.of(labels));
      long middle = System.nanoTime();
      loop = loop(logits, labels, classes);
      times[0][round] = (middle - start) / 1e6;
      times[1][round] = (System.nanoTime() - middle) / 1e6;
    }
    check(Math.abs(ours - loop) < 1e-6 * loop, "losses " + ours + " and " + loop);
    line("| %d tokens | mean loss | perplexity | ms |", count);
    line("|---|---:|---:|---:|");
    line("| Xent, one thread | %.10f | %.6f | %.0f |", ours, Math.exp(ours), SmolLm.percentile(times[0], 0.5));
    line("| loop with Math.exp, sums in double | %.10f | %.6f | %.0f |", loop, Math.exp(loop),
        SmolLm.percentile(times[1], 0.5));
  }

  private static double loop(float[] logits, int[] labels, int classes) {
    double total = 0;
    for (int row = 0; row < labels.length; row++) {
      int at = row * classes;
      float largest = logits[at];
      for (int k = 1; k < classes; k++) {
        largest = Math.max(largest, logits[at + k]);
      }
      double sum = 0;
      for (int k = 0; k < classes; k++) {
        sum += Math.exp((double) logits[at + k] - largest);
      }
      total += Math.log(sum) + largest - logits[at + labels[row]];
    }
    return total / labels.length;
  }
}
