// SPDX-License-Identifier: Apache-2.0

/**
 * The operations as layers of a network: they own their outputs and remember what backward needs.
 *
 * <p>Three stacks have the same loss and the same gradient of the logits. The first is the most
 * exact and the fastest:
 *
 * <pre>
 *   {@link dev.xent.layers.CrossEntropyLayer}
 *   {@link dev.xent.layers.LogSoftmaxLayer} → {@link dev.xent.layers.NllLossLayer}
 *   {@link dev.xent.layers.SoftmaxLayer} → {@link dev.xent.layers.LogLayer} → {@link dev.xent.layers.NllLossLayer}
 * </pre>
 */
@NullMarked
package dev.xent.layers;

import org.jspecify.annotations.NullMarked;
