// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/** Computes on the container's thread. */
public final class DeployedServlet extends HttpServlet {
  private static final long serialVersionUID = 1;

  /** Made by the container. */
  public DeployedServlet() {}

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    new Deployed().run();
    response.getWriter().print("computed");
  }
}
