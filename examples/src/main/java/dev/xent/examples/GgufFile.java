// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A language model's weights and facts in a GGUF file of at most 2 GiB. */
final class GgufFile {
  private static final int MAGIC = 0x46554747; // "GGUF"
  private static final int F32 = 0;
  private static final int F16 = 1;
  private static final int Q8_0 = 8;
  private static final int BLOCK = 32; // of Q8_0: a scale in F16 and 32 bytes
  private static final int DEFAULT_ALIGNMENT = 32;

  private record Weights(int type, int elements, long offset) {}

  private final ByteBuffer bytes;
  private final Map<String, Object> facts = new HashMap<>();
  private final Map<String, Weights> weights = new HashMap<>();
  private final int start; // of the weights

  private GgufFile(ByteBuffer bytes) throws IOException {
    this.bytes = bytes.order(ByteOrder.LITTLE_ENDIAN);
    if (bytes.getInt() != MAGIC || bytes.getInt() != 3) {
      throw new IOException("not a GGUF file of version 3");
    }
    long tensors = bytes.getLong();
    long keys = bytes.getLong();
    for (long i = 0; i < keys; i++) {
      facts.put(string(), value(bytes.getInt()));
    }
    for (long i = 0; i < tensors; i++) {
      String name = string();
      long elements = 1;
      for (int dimensions = bytes.getInt(); dimensions > 0; dimensions--) {
        elements = Math.multiplyExact(elements, bytes.getLong());
      }
      int type = bytes.getInt();
      weights.put(name, new Weights(type, Math.toIntExact(elements), bytes.getLong()));
    }
    int alignment = (int) facts.getOrDefault("general.alignment", DEFAULT_ALIGNMENT);
    start = Math.ceilDiv(bytes.position(), alignment) * alignment;
  }

  static GgufFile read(Path path) throws IOException {
    try (FileChannel file = FileChannel.open(path)) {
      return new GgufFile(file.map(FileChannel.MapMode.READ_ONLY, 0, file.size()));
    }
  }

  int integer(String key) throws IOException {
    return fact(key, Integer.class);
  }

  float number(String key) throws IOException {
    return fact(key, Float.class);
  }

  /** Rejects a model whose fact is another. */
  void require(String key, String value) throws IOException {
    if (!fact(key, String.class).equals(value)) {
      throw new IOException(key + " is " + facts.get(key) + "; expected " + value);
    }
  }

  List<String> strings(String key) throws IOException {
    List<?> values = fact(key, List.class);
    return values.stream().map(String.class::cast).toList();
  }

  boolean has(String tensor) {
    return weights.containsKey(tensor);
  }

  /** Returns the elements of a tensor as floats. */
  float[] floats(String tensor) throws IOException {
    Weights its = weights.get(tensor);
    if (its == null) {
      throw new IOException("the model has no " + tensor);
    }
    int at = Math.toIntExact(start + its.offset);
    float[] values = new float[its.elements];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (its.type) {
            case F32 -> bytes.getFloat(at + 4 * i);
            case F16 -> Float.float16ToFloat(bytes.getShort(at + 2 * i));
            case Q8_0 -> {
              int block = at + i / BLOCK * (2 + BLOCK);
              yield Float.float16ToFloat(bytes.getShort(block)) * bytes.get(block + 2 + i % BLOCK);
            }
            default -> throw new IOException(tensor + " is neither F32, F16 nor Q8_0");
          };
    }
    return values;
  }

  private <T> T fact(String key, Class<T> type) throws IOException {
    if (!type.isInstance(facts.get(key))) {
      throw new IOException("the model has no " + key + " of type " + type.getSimpleName());
    }
    return type.cast(facts.get(key));
  }

  private Object value(int type) throws IOException {
    return switch (type) {
      case 0, 1, 7 -> bytes.get();
      case 2, 3 -> bytes.getShort();
      case 4, 5 -> bytes.getInt();
      case 6 -> bytes.getFloat();
      case 8 -> string();
      case 9 -> {
        int elementType = bytes.getInt();
        long length = bytes.getLong();
        List<Object> values = new ArrayList<>();
        for (long i = 0; i < length; i++) {
          values.add(value(elementType));
        }
        yield values;
      }
      case 10, 11 -> bytes.getLong();
      case 12 -> bytes.getDouble();
      default -> throw new IOException("unknown type " + type + " of a fact");
    };
  }

  private String string() {
    byte[] letters = new byte[Math.toIntExact(bytes.getLong())];
    bytes.get(letters);
    return new String(letters, StandardCharsets.UTF_8);
  }
}
