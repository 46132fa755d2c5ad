// SPDX-License-Identifier: Apache-2.0
package dev.xent.djl;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import ai.djl.training.loss.Loss;
import dev.xent.CrossEntropy;
import dev.xent.Execution;
import dev.xent.Tensor;
import dev.xent.support.Turns;

/**
 * Loss and gradient by DJL and by Xent, in turns, one thread each, on the same arrays of PyTorch.
 * Not a test; run by hand:
 *
 * <pre>{@code
 * DJL_CACHE_DIR=/tmp/djl OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 mvn -q -Pall -pl java/xent-djl test-compile exec:exec \
 *   -Dexec.executable=java -Dexec.classpathScope=test \
 *   -Dexec.args="-Dai.djl.pytorch.num_threads=1 -cp %classpath dev.xent.djl.Speed"
 * }</pre>
 */
final class Speed {
  private Speed() {}

  /** Prints nanoseconds per element, medians of turns. */
  public static void main(String[] args) throws Exception {
    compare(64, 1000);
    compare(64, 128256);
  }

  private static void compare(int rows, int classes) throws Exception {
    try (NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch")) {
      NDArray logits = manager.randomNormal(new Shape(rows, classes)).mul(4);
      logits.setRequiresGradient(true);
      NDArray labels = manager.arange(rows).toType(DataType.INT64, true);
      NDArray gradient = manager.zeros(new Shape(rows, classes));
      Loss loss = Loss.softmaxCrossEntropyLoss();
      Turns.Call theirs = () -> lossAndGradient(loss, labels, logits);

      CrossEntropy crossEntropy = CrossEntropy.builder().execution(Execution.sequential()).build();
      Tensor x = DjlTensors.view(logits);
      Tensor targets = DjlTensors.view(labels);
      Tensor dx = DjlTensors.view(gradient);
      Turns.Call ours = () -> crossEntropy.forwardBackward(x, targets, dx);
      Turns.compare(
          "loss and gradient " + rows + "x" + classes, "DJL", (long) rows * classes, theirs, ours);
    }
  }

  /** As a training loop of DJL has it; the scope frees what the loss leaves behind. */
  private static void lossAndGradient(Loss loss, NDArray labels, NDArray logits) {
    try (NDScope scope = new NDScope();
        GradientCollector collector = Engine.getEngine("PyTorch").newGradientCollector()) {
      scope.suppressNotUsedWarning();
      NDArray gradient = logits.getGradient();
      gradient.subi(gradient);
      collector.backward(loss.evaluate(new NDList(labels), new NDList(logits)));
    }
  }
}
