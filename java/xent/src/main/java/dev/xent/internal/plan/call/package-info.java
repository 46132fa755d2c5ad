// SPDX-License-Identifier: Apache-2.0

/**
 * One call of an operation: its arguments, arrays, structs and threads; bound and prepared calls.
 *
 * <p>A call that repeats an earlier one omits steps, in one of three ways:
 *
 * <table>
 *   <caption>Repeated calls</caption>
 *   <tr><th>class<th>belongs to<th>repeats calls with equal<th>omits
 *   <tr><td>{@link dev.xent.internal.plan.call.PreparedCall}<td>a thread, a bound call, a cursor<td>
 *       operation, types, shapes, strides and overlap of one to three tensors<td>everything but the
 *       kernels
 *   <tr><td>{@link dev.xent.internal.plan.call.Call#keepsArrays}<td>a bound call<td>tensors, inputs
 *       and outputs<td>taking and checking the tensors
 *   <tr><td>{@link dev.xent.internal.plan.call.BoundKernels}<td>a bound call<td>the same, and
 *       structs<td>the checks of the core
 * </table>
 */
@NullMarked
package dev.xent.internal.plan.call;

import org.jspecify.annotations.NullMarked;
