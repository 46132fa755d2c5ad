// SPDX-License-Identifier: Apache-2.0
package dev.xent.runtimes;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import dev.xent.Tensor;
import dev.xent.support.WrapLifeCycle;

class OnnxRuntimeLifeCycleTest extends WrapLifeCycle<OnnxTensor> {
  @Override
  protected OnnxTensor wrap(Tensor tensor) throws OrtException {
    return OnnxRuntimeTensors.wrap(OrtEnvironment.getEnvironment(), tensor);
  }

  @Override
  protected float second(OnnxTensor wrapped) {
    return wrapped.getFloatBuffer().get(1);
  }

  @Override
  protected void forget(OnnxTensor wrapped) {
    wrapped.close();
  }

  @Override
  protected void close(OnnxTensor wrapped) {
    wrapped.close();
  }
}
