// SPDX-License-Identifier: Apache-2.0
/** What Xent takes beside memcpy. */
package dev.xent.benchmarks;
