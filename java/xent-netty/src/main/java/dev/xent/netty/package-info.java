// SPDX-License-Identifier: Apache-2.0

/**
 * Xent and Netty: {@link dev.xent.netty.NettyTensors} makes tensors over the memory of a {@code
 * ByteBuf}, and a {@code ByteBuf} over the memory of a tensor. Only the methods named {@code copy}
 * copy.
 *
 * <p>Nothing is null.
 */
@NullMarked
package dev.xent.netty;

import org.jspecify.annotations.NullMarked;
