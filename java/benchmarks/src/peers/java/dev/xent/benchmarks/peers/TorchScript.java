// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks.peers;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Writes the archive of {@code torch.jit.save} for a module without parameters, without Python. */
final class TorchScript {
  /** A pickle: an instance of __torch__.M with training = False. */
  private static final byte[] MODULE =
      pickle("c__torch__\nM\n)\u0081}X\u0008\0\0\0training\u0089sb");

  /** A pickle: no constants. */
  private static final byte[] CONSTANTS = pickle(")");

  private TorchScript() {}

  /**
   * Creates a module.
   *
   * @param parameters of forward, as Python writes them
   * @param result the returned expression
   * @param statements before it, each of one or more lines
   */
  static InputStream module(String parameters, String result, String... statements)
      throws IOException {
    StringBuilder code =
        new StringBuilder(
            """
            class M(Module):
              __parameters__ = []
              __buffers__ = []
              training : bool
              def forward(self: __torch__.M, %s) -> Tensor:
            """
                .formatted(parameters));
    for (String statement : statements) {
      statement.lines().forEach(line -> code.append("    ").append(line).append('\n'));
    }
    code.append("    return ").append(result).append('\n');
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      put(zip, "data.pkl", MODULE);
      put(zip, "code/__torch__.py", code.toString().getBytes(StandardCharsets.UTF_8));
      put(zip, "constants.pkl", CONSTANTS);
      put(zip, "version", "3\n".getBytes(StandardCharsets.UTF_8));
    }
    return new ByteArrayInputStream(bytes.toByteArray());
  }

  private static byte[] pickle(String body) {
    return ("\u0080\u0002" + body + ".").getBytes(StandardCharsets.ISO_8859_1);
  }

  private static void put(ZipOutputStream zip, String name, byte[] content) throws IOException {
    zip.putNextEntry(new ZipEntry("archive/" + name));
    zip.write(content);
    zip.closeEntry();
  }
}
