// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.options.Backend;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A test that takes a {@link Backend} and runs with each one that computes. It fails if the native
 * library is missing: the build makes it.
 */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@ParameterizedTest
@EnumSource(names = {"NATIVE", "REFERENCE"})
@interface OnEveryBackend {}
