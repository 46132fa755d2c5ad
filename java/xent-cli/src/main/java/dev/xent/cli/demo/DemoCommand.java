// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.demo;

import dev.xent.Tensor;
import dev.xent.XentRuntime;
import dev.xent.cli.ComputeOptions;
import dev.xent.cli.Converters;
import dev.xent.cli.ExitCode;
import dev.xent.cli.Progress;
import dev.xent.cli.ResolvedExecution;
import dev.xent.cli.bench.LossTiming;
import dev.xent.cli.bench.Steadiness;
import dev.xent.options.Isa;
import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code xent demo}: shows Xent on real data in a few seconds. */
@Command(
    name = "demo",
    header = "Train a small classifier and compare all backends bit by bit.",
    customSynopsis = "xent demo [OPTIONS]",
    description = {
      "Trains a linear classifier on 1,797 handwritten digits through a layer, compares the bits"
          + " of all backends on its logits, and times a large loss and gradient against a copy of"
          + " the same memory.",
      "Every run prints the same losses with every backend. Exit code 1 if a bit differs or the"
          + " test accuracy is below 0.93."
    },
    footer = {"Examples:", "  xent demo", "  xent demo --backend reference"})
public final class DemoCommand implements Callable<Integer> {
  private static final int EPOCHS = 60;
  private static final List<Integer> SHOWN = List.of(1, 2, 5, 10, 20, 40, EPOCHS);
  private static final double FLOOR = 0.93;

  @Spec private CommandSpec spec;

  @Mixin private ComputeOptions compute;

  @Override
  public Integer call() {
    try (Arena arena = Arena.ofConfined()) {
      Digits all = Digits.all(arena);
      try (Classifier classifier = new Classifier(compute.backend(), compute.isa())) {
        double accuracy = train(classifier, arena);
        Tensor logits = classifier.logits(all, arena);
        try (LossTiming timing = new LossTiming()) {
          boolean same = sameBits(logits, all.labels(), timing);
          speed(timing);
          return accuracy >= FLOOR && same ? ExitCode.OK : ExitCode.DIFFERENT;
        }
      }
    }
  }

  private double train(Classifier classifier, Arena arena) {
    Digits training = Digits.training(arena);
    Digits test = Digits.test(arena);
    print(
        "Training a linear classifier of digits: %d images to learn from, %d to test%n%n",
        training.size(), test.size());
    List<Epoch> epochs = new ArrayList<>();
    try (Progress progress = Progress.atOnce("training", EPOCHS)) {
      for (int number = 1; number <= EPOCHS; number++) {
        epochs.add(new Epoch(number, classifier.learn(training), classifier.score(test)));
        progress.step();
      }
    }
    print("  epoch  training loss  test loss  test accuracy%n");
    epochs.stream()
        .filter(epoch -> SHOWN.contains(epoch.number()))
        .forEach(
            epoch ->
                print(
                    "  %5d  %13.9f  %9.6f  %13.4f%n",
                    epoch.number(), epoch.loss(), epoch.test().loss(), epoch.test().accuracy()));
    Classifier.Score last = epochs.getLast().test();
    print(
        "%n  test accuracy %.4f: %d of %d%s%n%n",
        last.accuracy(),
        last.correct(),
        last.images(),
        last.accuracy() >= FLOOR ? "" : ", below the " + FLOOR + " that it should reach");
    return last.accuracy();
  }

  private record Epoch(int number, double loss, Classifier.Score test) {}

  private boolean sameBits(Tensor logits, Tensor labels, LossTiming timing) {
    XentRuntime runtime = XentRuntime.get();
    print("The same bits: softmax, log-softmax, losses and gradient, native and plain Java%n%n");
    if (runtime.fallbackReason() != null) {
      print("  not compared, there is no native library here: %s%n%n", runtime.fallbackReason());
      return true;
    }
    long differ = 0;
    for (Isa isa : runtime.availableIsas()) {
      differ += compare("trained model", logits, labels, isa);
    }
    differ += compare("random logits", timing.logits(), timing.labels(), runtime.isa());
    print("%n");
    return differ == 0;
  }

  private long compare(String what, Tensor logits, Tensor labels, Isa isa) {
    List<BitCheck> checks = new ArrayList<>();
    Progress.during("comparing", () -> checks.add(BitCheck.of(logits, labels, isa)));
    BitCheck check = checks.getFirst();
    print(
        "  %-6s  %-13s  %4d x %-6d  %,10d values compared, %d differ%n",
        Converters.name(isa), what, logits.dim(0), logits.dim(1), check.compared(), check.differ());
    return check.differ();
  }

  private void speed(LossTiming timing) {
    // One thread, because the copy uses one too.
    int threads = compute.threadsOr(1);
    print(
        "Speed: loss and gradient of %d x %d logits on %s, median of %d runs%n%n",
        timing.logits().dim(0),
        timing.logits().dim(1),
        threads == 1 ? "one thread" : threads + " threads",
        LossTiming.RUNS);
    Steadiness steadiness = Steadiness.begin();
    List<LossTiming.Medians> result = new ArrayList<>();
    Progress.during(
        "measuring", () -> result.add(timing.measure(compute.backend(), compute.isa(), threads)));
    LossTiming.Medians ns = result.getFirst();
    ResolvedExecution used = ResolvedExecution.of(compute);
    print("  %-24s  %7.3f ns per element%n", used.backend() + ", " + used.isa(), ns.loss());
    print("  %-24s  %7.3f ns per element%n", "memcpy of the same bytes", ns.copy());
    print("  %-24s  %7.2f%n", "ratio", ns.loss() / ns.copy());
    String warning = steadiness.warning();
    if (warning != null) {
      print("%n%s%n", warning);
    }
  }

  /** Prints at once, to show the progress of the demo. */
  private void print(String format, Object... values) {
    PrintWriter out = spec.commandLine().getOut();
    out.printf(Locale.ROOT, format, values);
    out.flush();
  }
}
