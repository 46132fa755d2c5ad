// SPDX-License-Identifier: Apache-2.0
/** What else a user of the JVM could take, each as fast as its users can make it. */
@NullMarked
package dev.xent.benchmarks.peers;

import org.jspecify.annotations.NullMarked;
