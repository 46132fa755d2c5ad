// SPDX-License-Identifier: Apache-2.0
import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Reduction;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.Xent;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;

void main() {
  try (Arena arena = Arena.ofConfined()) {
    Tensor logits = Tensor.of(
        arena.allocateFrom(ValueLayout.JAVA_FLOAT, 2f, 1f, 0f,   0f, 3f, 1f,   9f, 9f, 9f), DType.F32, 3, 3);
    Tensor labels = Tensor.of(new int[] {0, 1, -100}, 3);  // a heap array, not copied
    Tensor gradient = Tensor.allocate(arena, DType.F32, 3, 3);

    CrossEntropy loss = CrossEntropy.builder()
        .ignoreIndex(-100).labelSmoothing(0.1).reduction(Reduction.MEAN).build();  // immutable, thread-safe
    CrossEntropy.Outcome outcome = new CrossEntropy.Outcome();                     // reusable
    double mean = loss.forwardBackward(logits, labels, gradient, outcome);         // one read of the logits

    System.out.printf("loss %.6f over %d rows, %s%n", mean, outcome.counted(), Xent.runtime());
    System.out.println("gradient " + Arrays.toString(gradient.toFloatArray()));

    Softmax.along(-1).forward(logits, logits);  // in place
    System.out.println("softmax  " + Arrays.toString(logits.toFloatArray()));
  }
}
