// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

/** What a call of an operation has besides its arrays, which only its kind of operation reads. */
public abstract class Extras {}
