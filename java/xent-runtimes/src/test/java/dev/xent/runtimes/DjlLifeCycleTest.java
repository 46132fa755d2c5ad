// SPDX-License-Identifier: Apache-2.0
package dev.xent.runtimes;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.xent.Tensor;
import dev.xent.support.WrapLifeCycle;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

@EnabledOnOs(value = OS.LINUX, architectures = "amd64") // for which the test has PyTorch
class DjlLifeCycleTest extends WrapLifeCycle<NDArray> {
  private final NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");

  @AfterEach
  void close() {
    manager.close();
  }

  @Override
  protected NDArray wrap(Tensor tensor) {
    return DjlTensors.wrap(manager, tensor);
  }

  @Override
  protected float second(NDArray wrapped) {
    return wrapped.getFloat(1);
  }

  @Override
  protected void forget(NDArray wrapped) {
    wrapped.detach(); // now the manager does not keep it
  }

  @Override
  protected void close(NDArray wrapped) {
    wrapped.close();
  }

  @Test
  void anArrayLetsGoAtOnceWhenItIsClosed() throws Exception {
    NDArray wrapped = wrapOwned();
    wrapped.close();
    assertThat(isOwnerGoneAfterOneCollection()).isTrue();
    assertThat(wrapped.isReleased()).isTrue(); // reachable all the while
  }
}
