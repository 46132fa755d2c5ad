// SPDX-License-Identifier: Apache-2.0

/** Softmax, log-softmax and cross-entropy, computed in place on native tensor memory. */
module dev.xent {
  requires static java.management;
  requires static jdk.jfr;
  requires static org.jspecify;

  exports dev.xent;
  exports dev.xent.errors;
  exports dev.xent.layers;
  exports dev.xent.options;
}
