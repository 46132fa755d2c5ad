// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.laws.Options.Beside;
import dev.xent.laws.Options.Targets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.AfterContainer;

/**
 * Calls with an error: the reference and every instruction set throw the same message, on one
 * thread and on more, and nothing is written.
 */
class ErrorLawsTest extends Laws {
  private static final Set<String> SEEN = new TreeSet<>();

  /** What makes a valid call fail. */
  enum Spoil {
    LABEL_BEYOND {
      @Override
      void spoil(Batch batch, int row) {
        batch.labels[row] = batch.longest() + 3;
        batch.entries[row][0] = batch.longest() + 3;
      }
    },
    LABEL_NEGATIVE {
      @Override
      void spoil(Batch batch, int row) {
        batch.labels[row] = -1;
        batch.entries[row][batch.entries[row].length - 1] = -1;
      }
    },
    TWO_LABELS {
      @Override
      void spoil(Batch batch, int row) {
        LABEL_NEGATIVE.spoil(batch, batch.rows - 1);
        LABEL_BEYOND.spoil(batch, row);
      }
    },
    LABEL_MASKED {
      @Override
      void spoil(Batch batch, int row) {
        long label = batch.sample.options().isLabels() ? batch.labels[row] : batch.entries[row][0];
        if (batch.mask != null && label >= 0) {
          batch.mask[row][(int) label] = false;
        }
      }
    },
    CLASS_WEIGHT_NEGATIVE {
      @Override
      void spoil(Batch batch, int row) {
        if (batch.classWeights != null) {
          batch.classWeights[row % batch.classWeights.length] = -0.25;
        }
      }
    },
    CLASS_WEIGHT_NAN {
      @Override
      void spoil(Batch batch, int row) {
        if (batch.classWeights != null) {
          batch.classWeights[row % batch.classWeights.length] = Double.NaN;
        }
      }
    },
    ROW_WEIGHT_NEGATIVE {
      @Override
      void spoil(Batch batch, int row) {
        if (batch.rowWeights != null) {
          batch.rowWeights[row] = -3;
        }
      }
    },
    ROW_WEIGHT_INFINITE {
      @Override
      void spoil(Batch batch, int row) {
        if (batch.rowWeights != null) {
          batch.rowWeights[row] = Double.POSITIVE_INFINITY;
        }
      }
    },
    READ_ONLY {
      @Override
      Tensor result(Tensor result) {
        return result.asReadOnly();
      }
    },
    SMALLER {
      @Override
      Tensor result(Tensor result) {
        return result.slice(0, 0, result.dim(0) / 2);
      }
    },
    OF_INTEGERS {
      @Override
      Tensor result(Tensor result) {
        DType type = result.type().byteSize() == 2 ? DType.I16 : DType.I32;
        return Tensor.strided(result.segment(), type, result.shape(), result.strides());
      }
    },
    REPEATED {
      @Override
      Tensor result(Tensor result) {
        long[] strides = new long[result.rank()];
        return Tensor.strided(result.segment(), result.type(), result.shape(), strides);
      }
    };

    void spoil(Batch batch, int row) {}

    Tensor result(Tensor result) {
      return result;
    }
  }

  private static String outcome(Computer computer, Consumer<Computer> call) {
    try {
      call.accept(computer);
      return "fine";
    } catch (IllegalArgumentException e) {
      assertThat(e.getMessage()).hasLineCount(1);
      computer.assertNothingWritten();
      SEEN.add(e.getClass().getSimpleName());
      return e.getClass().getSimpleName() + ": " + e.getMessage();
    }
  }

  private static Map<String, String> outcomes(
      Batch batch, Tier tier, UnaryOperator<Tensor> result) {
    Map<String, Consumer<Computer>> calls = new LinkedHashMap<>();
    calls.put("softmax", Computer::softmax);
    calls.put("softmax backward", Computer::softmaxBackward);
    calls.put("cross-entropy", Computer::loss);
    calls.put("cross-entropy alone", Computer::plainLosses);
    calls.put("cross-entropy backward", c -> c.backward(true));
    calls.put("prediction", Computer::prediction);
    calls.put("nll", Computer::nll);
    calls.put("selected", Computer::selected);
    calls.put("Hessian", Computer::hessian);
    if (!batch.sample.ragged()) {
      calls.put("KL", Computer::kl);
      calls.put("binary", Computer::binary);
    }
    if (!batch.sample.ragged() && !batch.sample.isWide()) {
      calls.put("sampled", Computer::sampled);
    }
    Map<String, String> outcomes = new LinkedHashMap<>();
    calls.forEach(
        (name, call) -> {
          try (Computer computer = new Computer(batch, tier, result)) {
            outcomes.put(name, outcome(computer, call));
          }
        });
    return outcomes;
  }

  @Property(tries = 80)
  void everyTierRefusesInTheSameWords(@ForAll("samples") Sample drawn, @ForAll Spoil spoil) {
    Options options = drawn.options();
    Beside beside = options.beside();
    boolean labels = options.targets() != Targets.PROBABILITIES;
    Sample sample =
        drawn.with(
            options
                .withIgnores(labels && options.ignores())
                .with(
                    new Beside(
                        spoil == Spoil.LABEL_MASKED ? 2 : beside.mask(),
                        spoil.name().startsWith("ROW") ? 1 : beside.rowWeights(),
                        beside.sink(),
                        beside.classWeights() || spoil.name().startsWith("CLASS"))));
    Batch batch = Batch.of(sample);
    if (batch.rows > 0) {
      spoil.spoil(batch, Math.floorMod(sample.seed(), batch.rows));
    }
    Map<String, String> expected = outcomes(batch, Tier.REFERENCE, spoil::result);
    List<Tier> tiers = new ArrayList<>(Tier.all());
    tiers.add(tiers.get(0).withThreads(4));
    for (Tier tier : tiers) {
      COMPARED.add(expected.size());
      assertThat(outcomes(batch, tier, spoil::result))
          .as("%s on %s of %s", spoil, tier, sample)
          .isEqualTo(expected);
    }
  }

  @AfterContainer
  static void everyFamilyOfErrorsCameUp() {
    if (System.getProperty("xent.sample") == null) {
      assertThat(SEEN)
          .contains(
              "LabelException",
              "OptionException",
              "ShapeException",
              "DTypeException",
              "MemoryException");
    }
  }
}
