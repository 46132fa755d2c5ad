// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples.service;

import org.eclipse.jetty.http.HttpException;

/** What the client did wrong; the reason is the body of the answer. */
final class Refusal extends HttpException.RuntimeException {
  private static final long serialVersionUID = 1;

  Refusal(int status, String reason) {
    super(status, reason);
  }
}
