// SPDX-License-Identifier: Apache-2.0

/** Tokens: samplers, their requests and their shards. */
@NullMarked
package dev.xent.internal.plan.sample;

import org.jspecify.annotations.NullMarked;
