// SPDX-License-Identifier: Apache-2.0

/** Sampling of tokens: samplers, requests per row, and cursors. */
@NullMarked
package dev.xent.internal.plan.sample;

import org.jspecify.annotations.NullMarked;
