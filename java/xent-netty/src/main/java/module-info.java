// SPDX-License-Identifier: Apache-2.0

/** Xent tensors over the memory of Netty buffers. */
@SuppressWarnings("requires-transitive-automatic") // Netty's name for its module is a stable one.
module dev.xent.netty {
  requires transitive dev.xent;
  requires transitive io.netty.buffer;
  requires static org.jspecify;

  exports dev.xent.netty;
}
