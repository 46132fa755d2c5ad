// SPDX-License-Identifier: Apache-2.0
/**
 * Laws that hold for every lawful call, on samples that jqwik makes up: all implementations agree,
 * and results move as the mathematics says when the inputs are moved.
 *
 * <p>{@code -Dxent.tries=N}: N times as many samples, other ones in every run. {@code
 * -Dxent.sample='…'}: the one sample that a failure has printed.
 */
package dev.xent.laws;
