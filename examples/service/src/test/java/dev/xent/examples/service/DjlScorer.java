// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.xent.Tensor;
import dev.xent.djl.DjlTensors;
import java.util.List;
import java.util.stream.IntStream;

/** PyTorch by DJL, on the memory that the model wrote: to compare with. */
public final class DjlScorer implements Scorer {
  @Override
  public String name() {
    return "djl";
  }

  @Override
  public List<Likely> top(Tensor logits, int k) {
    try (NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch")) {
      NDList best = DjlTensors.wrap(manager, logits).softmax(-1).topK(k, -1, true, true);
      float[] probabilities = best.get(0).toFloatArray();
      long[] labels = best.get(1).toLongArray();
      return IntStream.range(0, k)
          .mapToObj(i -> new Likely((int) labels[i], probabilities[i]))
          .toList();
    }
  }

  @Override
  public double logProbability(Tensor logits, Tensor labels) {
    try (NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch")) {
      NDArray chosen = manager.create(labels.toLongArray()).expandDims(1);
      NDArray all = DjlTensors.wrap(manager, logits).logSoftmax(-1);
      return all.gather(chosen, 1).toType(DataType.FLOAT64, false).sum().getDouble();
    }
  }
}
