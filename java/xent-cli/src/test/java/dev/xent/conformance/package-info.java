// SPDX-License-Identifier: Apache-2.0
/** The native library and the reference against the files of conformance/. */
package dev.xent.conformance;
