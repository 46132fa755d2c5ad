// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import dev.xent.options.Isa;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ClassifierTest {
  private static final int EPOCHS = 5;

  @Test
  void learns() {
    List<Double> losses = learn(Backend.AUTO, Isa.BEST);
    assertThat(losses).isSortedAccordingTo((a, b) -> Double.compare(b, a));
    assertThat(losses.getFirst()).isLessThan(Math.log(Digits.CLASSES));
    assertThat(losses.getLast()).isLessThan(losses.getFirst() / 3);
  }

  @Test
  void learnsTheSameOnEveryBackend() {
    List<Double> reference = learn(Backend.REFERENCE, Isa.BEST);
    assertThat(learn(Backend.NATIVE, Isa.SCALAR)).isEqualTo(reference);
    assertThat(learn(Backend.NATIVE, Isa.BEST)).isEqualTo(reference);
  }

  /** The loss of every epoch, then the test loss. */
  private static List<Double> learn(Backend backend, Isa isa) {
    try (Arena arena = Arena.ofConfined();
        Classifier classifier = new Classifier(backend, isa)) {
      Digits training = Digits.training(arena);
      List<Double> losses = new ArrayList<>();
      for (int epoch = 0; epoch < EPOCHS; epoch++) {
        losses.add(classifier.learn(training));
      }
      losses.add(classifier.score(Digits.test(arena)).loss());
      return losses;
    }
  }
}
