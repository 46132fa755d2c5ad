// SPDX-License-Identifier: Apache-2.0

/**
 * An HTTP service on virtual threads: a language model by ONNX Runtime, and Xent on its logits. The
 * page about it is docs/guide/service.md.
 */
package dev.xent.examples.service;
