// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import dev.xent.options.Reduction;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A thread whose rounding mode a foreign library left changed: native code computes as always and
 * leaves the mode. What the JVM itself then computes on that thread is its own affair.
 */
@EnabledOnOs(value = OS.LINUX, architectures = "amd64")
class FloatModeTest {
  private static final int NEAREST = 0;
  private static final int CLASSES = 300;

  private static MethodHandle libm(String name, FunctionDescriptor type) {
    SymbolLookup libm = Linker.nativeLinker().defaultLookup();
    return Linker.nativeLinker().downcallHandle(libm.find(name).orElseThrow(), type);
  }

  private final MethodHandle setRounding =
      libm("fesetround", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
  private final MethodHandle rounding =
      libm("fegetround", FunctionDescriptor.of(ValueLayout.JAVA_INT));

  private final float[] logits = Samples.logits(8 * CLASSES, 30, 5);
  private final int[] labels = {0, 1, 2, 3, 4, 5, 6, 299};

  private float[] gradientAndProbabilities() {
    float[] results = new float[2 * logits.length];
    Tensor x = Tensor.of(logits, 8, CLASSES);
    float[] gradient = new float[logits.length];
    float[] probabilities = new float[logits.length];
    CrossEntropy.builder()
        .execution(Execution.defaults().withBackend(Backend.NATIVE))
        .reduction(Reduction.SUM)
        .build()
        .forwardBackward(x, Tensor.of(labels), Tensor.of(gradient, 8, CLASSES));
    Softmax.builder()
        .execution(Execution.defaults().withBackend(Backend.NATIVE))
        .build()
        .forward(x, Tensor.of(probabilities, 8, CLASSES));
    System.arraycopy(gradient, 0, results, 0, gradient.length);
    System.arraycopy(probabilities, 0, results, gradient.length, gradient.length);
    return results;
  }

  /** Downward, upward, toward zero: as fenv.h has them on x86-64. */
  @ParameterizedTest
  @ValueSource(ints = {0x400, 0x800, 0xc00})
  void nativeCodeGivesTheSameBitsAndLeavesTheMode(int mode) throws Throwable {
    float[] expected = gradientAndProbabilities();
    float[] results;
    int after;
    assertThat((int) setRounding.invokeExact(mode)).isZero();
    try {
      results = gradientAndProbabilities();
      after = (int) rounding.invokeExact();
    } finally {
      assertThat((int) setRounding.invokeExact(NEAREST)).isZero();
    }
    assertThat(results).isEqualTo(expected);
    assertThat(after).isEqualTo(mode);
  }
}
