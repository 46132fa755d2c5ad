// SPDX-License-Identifier: Apache-2.0
/** What the tests of several modules share. */
@org.jspecify.annotations.NullMarked
package dev.xent.support;
