// SPDX-License-Identifier: Apache-2.0
import dev.xent.*;

void main() {
  try (Arena arena = Arena.ofConfined()) {
    Tensor logits = Tensor.of(
        arena.allocateFrom(ValueLayout.JAVA_FLOAT, 2f, 1f, 0f,   0f, 3f, 1f,   9f, 9f, 9f), DType.F32, 3, 3);
    Tensor labels = Tensor.of(new int[] {0, 1, -100}, 3);  // a heap array, not copied; -100 is padding

    TopKResult best = TopK.of(2).probabilities(logits);   // 1. the likeliest classes and their softmax

    CrossEntropy loss = CrossEntropy.builder().ignoreIndex(-100).build();  // immutable, thread-safe
    double mean = loss.forward(logits, labels);            // 2. the loss, and the perplexity

    loss.forwardBackward(logits, labels, logits);          // 3. a training step: logits becomes the gradient

    System.out.printf("loss %.6f, perplexity %.6f, %s%n", mean, Math.exp(mean), XentRuntime.get());
    System.out.println(best.classes());
    System.out.println(best.values());
    System.out.println(logits);                            // the gradient
  }
}
