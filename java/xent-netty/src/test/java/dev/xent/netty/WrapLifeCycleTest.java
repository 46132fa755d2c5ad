// SPDX-License-Identifier: Apache-2.0
package dev.xent.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.Tensor;
import dev.xent.support.WrapLifeCycle;
import io.netty.buffer.ByteBuf;
import org.junit.jupiter.api.Test;

class WrapLifeCycleTest extends WrapLifeCycle<ByteBuf> {
  @Override
  protected ByteBuf wrap(Tensor tensor) {
    return NettyTensors.wrap(tensor);
  }

  @Override
  protected float second(ByteBuf wrapped) {
    return wrapped.slice(4, 4).getFloatLE(0);
  }

  /** Nothing else keeps a buffer. */
  @Override
  protected void forget(ByteBuf wrapped) {}

  @Override
  protected void close(ByteBuf wrapped) {
    wrapped.release();
  }

  @Test
  void aBufferLetsGoAtOnceWhenItIsReleased() throws Exception {
    ByteBuf wrapped = wrapOwned();
    wrapped.release();
    assertThat(isOwnerGoneAfterOneCollection()).isTrue();
    assertThat(wrapped.refCnt() == 0).isTrue(); // reachable all the while
  }
}
