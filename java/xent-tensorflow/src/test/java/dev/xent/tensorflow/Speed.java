// SPDX-License-Identifier: Apache-2.0
package dev.xent.tensorflow;

import dev.xent.Softmax;
import dev.xent.Tensor;
import java.util.Arrays;
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
  private static final int TURNS = 21;
  private static final long TURN_NANOS = 40_000_000;

  private Speed() {}

  /** Prints nanoseconds per element, medians of turns. */
  public static void main(String[] args) {
    compare(64, 1000);
    compare(64, 128256);
  }

  private static void compare(int rows, int classes) {
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
      Runnable theirs = () -> runner.run().close();

      Softmax softmax = Softmax.builder().sequential().build();
      Tensor viewIn = TensorFlowTensors.view(in);
      Tensor viewOut = TensorFlowTensors.view(out);
      Runnable ours = () -> softmax.forward(viewIn, viewOut);

      double[] theirNanos = new double[TURNS];
      double[] ourNanos = new double[TURNS];
      for (int warm = 0; warm < 10; warm++) {
        turn(theirs);
        turn(ours);
      }
      for (int i = 0; i < TURNS; i++) {
        theirNanos[i] = turn(theirs) / ((double) rows * classes);
        ourNanos[i] = turn(ours) / ((double) rows * classes);
      }
      Arrays.sort(theirNanos);
      Arrays.sort(ourNanos);
      double theirMedian = theirNanos[TURNS / 2];
      double ourMedian = ourNanos[TURNS / 2];
      System.out.printf(
          "softmax %dx%d: TensorFlow %.3f, Xent %.3f ns per element: %.1f times as fast%n",
          rows, classes, theirMedian, ourMedian, theirMedian / ourMedian);
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

  /** Nanoseconds of a call. */
  private static double turn(Runnable call) {
    long calls = 0;
    long begin = System.nanoTime();
    long spent;
    do {
      call.run();
      calls++;
      spent = System.nanoTime() - begin;
    } while (spent < TURN_NANOS);
    return (double) spent / calls;
  }
}
