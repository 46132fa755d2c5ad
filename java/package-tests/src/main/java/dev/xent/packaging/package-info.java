// SPDX-License-Identifier: Apache-2.0

/** A user's application, as small as can be, for the tests of the package. */
@NullMarked
package dev.xent.packaging;

import org.jspecify.annotations.NullMarked;
