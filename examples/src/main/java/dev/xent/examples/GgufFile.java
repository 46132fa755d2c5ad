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
  private static final int BLOCK = 32; // numbers of Q4_0, Q4_1 and Q8_0 that share a scale

  private record Weights(int elements, int type, int offset) {}

  private final ByteBuffer bytes;
  private final Map<String, Object> facts = new HashMap<>();
  private final Map<String, Weights> weights = new HashMap<>();
  private final int start; // of the weights

  GgufFile(Path path) throws IOException {
    try (FileChannel file = FileChannel.open(path)) {
      bytes = file.map(FileChannel.MapMode.READ_ONLY, 0, file.size());
    }
    bytes.order(ByteOrder.LITTLE_ENDIAN);
    if (bytes.getInt() != MAGIC || bytes.getInt() != 3) {
      throw new IOException(path + " is not a GGUF file of version 3");
    }
    long tensors = bytes.getLong();
    for (long left = bytes.getLong(); left > 0; left--) {
      facts.put(string(), value(bytes.getInt()));
    }
    for (; tensors > 0; tensors--) {
      String name = string();
      int elements = 1;
      for (int left = bytes.getInt(); left > 0; left--) {
        elements = Math.multiplyExact(elements, Math.toIntExact(bytes.getLong()));
      }
      int type = bytes.getInt();
      weights.put(name, new Weights(elements, type, Math.toIntExact(bytes.getLong())));
    }
    int alignment = (int) facts.getOrDefault("general.alignment", 32);
    start = Math.ceilDiv(bytes.position(), alignment) * alignment;
  }

  int integer(String key) throws IOException {
    return fact(key, Integer.class);
  }

  float number(String key) throws IOException {
    return fact(key, Float.class);
  }

  List<String> strings(String key) throws IOException {
    List<String> strings = new ArrayList<>();
    for (Object value : fact(key, List.class)) {
      strings.add((String) value);
    }
    return strings;
  }

  /** Returns a fact; rejects a model where it is none of the values. */
  String require(String key, String... values) throws IOException {
    if (!List.of(values).contains(facts.get(key))) {
      throw new IOException(
          key + " is " + facts.get(key) + "; expected " + String.join(" or ", values));
    }
    return fact(key, String.class);
  }

  private <T> T fact(String key, Class<T> type) throws IOException {
    if (!type.isInstance(facts.get(key))) {
      throw new IOException("the model has no " + key + " of type " + type.getSimpleName());
    }
    return type.cast(facts.get(key));
  }

  boolean has(String tensor) {
    return weights.containsKey(tensor);
  }

  /** Returns the elements of a tensor as floats. */
  float[] floats(String tensor) throws IOException {
    if (!has(tensor)) {
      throw new IOException("the model has no " + tensor);
    }
    Weights its = weights.get(tensor);
    int at = start + its.offset;
    float[] values = new float[its.elements];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (its.type) {
            case 0 -> bytes.getFloat(at + 4 * i);
            case 1 -> float16(at + 2 * i);
            case 2 -> {
              int block = at + i / BLOCK * (2 + BLOCK / 2);
              yield float16(block) * (four(block + 2, i % BLOCK) - 8);
            }
            case 3 -> {
              int block = at + i / BLOCK * (4 + BLOCK / 2);
              yield float16(block) * four(block + 4, i % BLOCK) + float16(block + 2);
            }
            case 8 -> {
              int block = at + i / BLOCK * (2 + BLOCK);
              yield float16(block) * bytes.get(block + 2 + i % BLOCK);
            }
            default -> throw new IOException(tensor + " is not F32, F16, Q4_0, Q4_1 or Q8_0");
          };
    }
    return values;
  }

  /** Four bits of a block: the low ones of its bytes, then the high ones. */
  private int four(int at, int i) {
    int half = BLOCK / 2;
    return bytes.get(at + i % half) >> i / half * 4 & 15;
  }

  private float float16(int at) {
    return Float.float16ToFloat(bytes.getShort(at));
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
        List<Object> values = new ArrayList<>();
        for (long left = bytes.getLong(); left > 0; left--) {
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
