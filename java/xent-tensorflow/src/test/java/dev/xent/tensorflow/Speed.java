// SPDX-License-Identifier: Apache-2.0
package dev.xent.tensorflow;

import dev.xent.Execution;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.support.Turns;
import java.util.Random;
import org.tensorflow.Graph;
import org.tensorflow.Session;
import org.tensorflow.ndarray.Shape;
import org.tensorflow.op.Ops;
import org.tensorflow.op.core.Placeholder;
import org.tensorflow.proto.ConfigProto;
import org.tensorflow.types.TFloat32;

/**
 * Softmax by TensorFlow and by Xent, in turns, one thread each, of the same tensor of TensorFlow.
 * Not a test; run by hand:
 *
 * <pre>{@code
 * TF_CPP_MIN_LOG_LEVEL=3 mvn -q -Pall -pl java/xent-tensorflow test-compile exec:exec \
 *   -Dexec.executable=java -Dexec.classpathScope=test \
 *   -Dexec.args="-cp %classpath dev.xent.tensorflow.Speed"
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
    ConfigProto oneThread =
        ConfigProto.newBuilder()
            .setIntraOpParallelismThreads(1)
            .setInterOpParallelismThreads(1)
            .setUsePerSessionThreads(true)
            .build();
    try (Graph graph = new Graph();
        Session session = new Session(graph, oneThread);
        TFloat32 in = TFloat32.tensorOf(Shape.of(rows, classes));
        TFloat32 out = TFloat32.tensorOf(Shape.of(rows, classes))) {
      Ops tf = Ops.create(graph);
      Placeholder<TFloat32> x =
          tf.placeholder(TFloat32.class, Placeholder.shape(Shape.of(rows, classes)));
      var y = tf.nn.softmax(x);
      fill(in, rows, classes);
      Session.Runner runner = session.runner().feed(x, in).fetch(y);
      Turns.Call theirs = () -> runner.run().close();

      Softmax softmax = Softmax.builder().execution(Execution.sequential()).build();
      Tensor viewIn = TensorFlowTensors.view(in);
      Tensor viewOut = TensorFlowTensors.view(out);
      Turns.Call ours = () -> softmax.forward(viewIn, viewOut);
      Turns.compare(
          "softmax " + rows + "x" + classes, "TensorFlow", (long) rows * classes, theirs, ours);
    }
  }

  private static void fill(TFloat32 tensor, int rows, int classes) {
    Random random = new Random(1);
    for (int row = 0; row < rows; row++) {
      for (int c = 0; c < classes; c++) {
        tensor.setFloat((float) (4 * random.nextGaussian()), row, c);
      }
    }
  }
}
