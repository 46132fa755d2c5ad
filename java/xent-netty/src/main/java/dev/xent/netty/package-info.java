// SPDX-License-Identifier: Apache-2.0

/**
 * Xent and Netty: {@link dev.xent.netty.NettyTensors} makes tensors over the memory of a {@code
 * ByteBuf}, and a {@code ByteBuf} over the memory of a tensor. Nothing is copied where nobody asks
 * for a copy.
 *
 * <p>Nothing is null.
 */
@NullMarked
package dev.xent.netty;

import org.jspecify.annotations.NullMarked;
