// SPDX-License-Identifier: Apache-2.0
/**
 * {@code xent demo}: a classifier trained on real data through the layers, the bits of every
 * backend compared on what it computes, and its speed beside that of copying memory.
 */
package dev.xent.cli.demo;
