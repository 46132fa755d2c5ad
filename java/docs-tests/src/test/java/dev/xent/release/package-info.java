// SPDX-License-Identifier: Apache-2.0
/** What a release is trusted for: the rules of the workflows that make it. */
package dev.xent.release;
