// SPDX-License-Identifier: Apache-2.0

/** Softmax, log-softmax and cross-entropy, computed in place on native tensor memory. */
@SuppressWarnings("module") // the modules of the adapters are compiled after this one
module dev.xent {
  requires static com.google.errorprone.annotations;
  requires static java.management;
  requires static jdk.jfr;
  requires static org.jspecify;

  exports dev.xent;
  exports dev.xent.calibration;
  exports dev.xent.errors;
  exports dev.xent.layers;
  exports dev.xent.options;
  exports dev.xent.internal.adapter to
      dev.xent.arrow,
      dev.xent.dlpack,
      dev.xent.files,
      dev.xent.netty,
      dev.xent.runtimes;
  exports dev.xent.internal.text to
      dev.xent.arrow,
      dev.xent.dlpack,
      dev.xent.files,
      dev.xent.netty,
      dev.xent.runtimes;
}
