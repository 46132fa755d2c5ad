// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Makes .safetensors files byte by byte, without the code that is under test. */
final class SafetensorsBytes {
  private SafetensorsBytes() {}

  /** A file of any header, and so many bytes 1 of data. */
  static byte[] file(String header, int data) {
    return file(header.getBytes(StandardCharsets.UTF_8), data);
  }

  /** A file of any header, and so many bytes 1 of data. */
  static byte[] file(byte[] header, int data) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Long.BYTES + header.length + data).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(header.length).put(header);
    while (bytes.hasRemaining()) {
      bytes.put((byte) 1);
    }
    return bytes.array();
  }

  /** {@code "x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}. */
  static String tensor(String name, String dtype, String shape, long begin, long end) {
    return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
        .formatted(name, dtype, shape, begin, end);
  }

  static Path write(Path path, byte[] bytes) {
    try {
      return Files.write(path, bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
