// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.options.Backend;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

class ConcurrencyTest {

  @OnEveryBackend
  void oneOperationServesManyThreads(Backend backend)
      throws InterruptedException, ExecutionException {
    CrossEntropy mean =
        CrossEntropy.builder()
            .execution(Execution.defaults().backend(backend))
            .ignoreIndex(0)
            .build();
    Softmax softmax = Softmax.builder().execution(Execution.defaults().backend(backend)).build();
    List<int[]> expected = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      expected.add(result(mean, softmax, i));
    }
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<int[]>> results = new ArrayList<>();
      for (int round = 0; round < 200; round++) {
        int seed = round % 8;
        results.add(threads.submit(() -> result(mean, softmax, seed)));
      }
      for (int round = 0; round < 200; round++) {
        assertThat(results.get(round).get()).isEqualTo(expected.get(round % 8));
      }
    }
  }

  private static int[] result(CrossEntropy mean, Softmax softmax, int seed) {
    int classes = 10 + seed;
    float[] x = Samples.logits(20 * classes, 3, seed);
    Tensor logits = Tensor.of(x, 20, classes);
    Tensor labels = Tensor.of(Samples.labels(20, classes, seed));
    mean.forwardBackward(logits, labels, logits);
    softmax.forward(logits, logits);
    return Samples.bits(x);
  }
}
