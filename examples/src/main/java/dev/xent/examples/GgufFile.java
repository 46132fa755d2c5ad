// SPDX-License-Identifier: Apache-2.0
package dev.xent.examples;

import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A language model's weights and facts in a GGUF file of at most 2 GiB. Counts are checked against
 * the bytes that follow before memory is allocated.
 */
final class GgufFile {
  private static final int MAGIC = 0x46554747; // "GGUF"
  private static final int F32 = 0;
  private static final int F16 = 1;
  private static final int Q8_0 = 8;
  private static final int BLOCK = 32; // of Q8_0: a scale in F16 and 32 bytes
  private static final int ARRAY = 9;
  private static final int DEFAULT_ALIGNMENT = 32;
  private static final int MOST_DIMENSIONS = 4;
  private static final int LEAST_FACT = 13; // bytes: a length, a type and a value
  private static final int LEAST_TENSOR = 24; // a length, dimensions, a type and an offset

  private record Weights(int type, int elements, long offset) {}

  private final ByteBuffer bytes;
  private final Map<String, Object> facts = new HashMap<>();
  private final Map<String, Weights> weights = new HashMap<>();
  private final long start; // of the weights

  private GgufFile(ByteBuffer bytes) throws IOException {
    this.bytes = bytes.order(ByteOrder.LITTLE_ENDIAN);
    if (bytes.getInt() != MAGIC || bytes.getInt() != 3) {
      throw new IOException("not a GGUF file of version 3");
    }
    long tensors = bytes.getLong();
    int keys = count("facts", bytes.getLong(), LEAST_FACT);
    for (int i = 0; i < keys; i++) {
      String key = string();
      requireNew(key, facts.put(key, value(bytes.getInt())));
    }
    count("tensors", tensors, LEAST_TENSOR);
    for (int i = 0; i < tensors; i++) {
      String name = string();
      int elements = elements(name);
      int type = bytes.getInt();
      requireNew(name, weights.put(name, new Weights(type, elements, bytes.getLong())));
    }
    int alignment = DEFAULT_ALIGNMENT;
    if (facts.containsKey("general.alignment")) {
      alignment = count("general.alignment");
    }
    start = Math.ceilDiv((long) bytes.position(), alignment) * alignment;
  }

  static GgufFile read(Path path) throws IOException {
    try (FileChannel file = FileChannel.open(path)) {
      if (file.size() > Integer.MAX_VALUE) {
        throw new IOException("the file has " + file.size() + " bytes; expected at most 2 GiB");
      }
      return new GgufFile(file.map(FileChannel.MapMode.READ_ONLY, 0, file.size()));
    } catch (BufferUnderflowException e) {
      throw new IOException("the file ends in its header", e);
    }
  }

  int integer(String key) throws IOException {
    return fact(key, Integer.class);
  }

  /** Returns a number of things, at least 1. */
  int count(String key) throws IOException {
    int count = integer(key);
    if (count < 1) {
      throw new IOException(key + " is " + count + "; expected at least 1");
    }
    return count;
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
    List<String> strings = new ArrayList<>();
    for (Object value : fact(key, List.class)) {
      if (!(value instanceof String string)) {
        throw new IOException(key + " has " + value + "; expected strings");
      }
      strings.add(string);
    }
    return strings;
  }

  boolean has(String tensor) {
    return weights.containsKey(tensor);
  }

  /** Returns the elements of a tensor, which must be that many, as floats. */
  float[] floats(String tensor, long elements) throws IOException {
    Weights its = weights.get(tensor);
    if (its == null) {
      throw new IOException("the model has no " + tensor);
    }
    if (its.elements != elements) {
      throw new IOException(tensor + " has " + its.elements + " elements; expected " + elements);
    }
    long size =
        switch (its.type) {
          case F32 -> 4 * elements;
          case F16 -> 2 * elements;
          case Q8_0 -> Math.ceilDiv(elements, BLOCK) * (2 + BLOCK);
          default -> throw new IOException(tensor + " is neither F32, F16 nor Q8_0");
        };
    if (its.offset < 0 || its.offset > bytes.limit() - start - size) {
      throw new IOException(tensor + " is not all in the file");
    }
    int at = (int) (start + its.offset);
    float[] values = new float[its.elements];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (its.type) {
            case F32 -> bytes.getFloat(at + 4 * i);
            case F16 -> Float.float16ToFloat(bytes.getShort(at + 2 * i));
            default -> {
              int block = at + i / BLOCK * (2 + BLOCK);
              yield Float.float16ToFloat(bytes.getShort(block)) * bytes.get(block + 2 + i % BLOCK);
            }
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
      case ARRAY -> {
        int elementType = bytes.getInt();
        if (elementType == ARRAY) {
          throw new IOException("a fact is an array of arrays; expected one of numbers or strings");
        }
        int length = count("elements of an array", bytes.getLong(), 1);
        List<Object> values = new ArrayList<>();
        for (int i = 0; i < length; i++) {
          values.add(value(elementType));
        }
        yield values;
      }
      case 10, 11 -> bytes.getLong();
      case 12 -> bytes.getDouble();
      default -> throw new IOException("unknown type " + type + " of a fact");
    };
  }

  private String string() throws IOException {
    byte[] letters = new byte[count("letters of a string", bytes.getLong(), 1)];
    bytes.get(letters);
    return new String(letters, StandardCharsets.UTF_8);
  }

  private int elements(String tensor) throws IOException {
    int dimensions = bytes.getInt();
    if (dimensions < 0 || dimensions > MOST_DIMENSIONS) {
      throw new IOException(tensor + " has " + dimensions + " dimensions; expected 0 to 4");
    }
    long elements = 1;
    for (int i = 0; i < dimensions; i++) {
      long size = bytes.getLong();
      if (size < 1 || size > Integer.MAX_VALUE / elements) {
        throw new IOException(tensor + " has a dimension of " + size + ", which no file holds");
      }
      elements *= size;
    }
    return (int) elements;
  }

  /**
   * Rejects a count that the rest of the file cannot hold.
   *
   * @param least the bytes of each
   */
  private int count(String what, long count, int least) throws IOException {
    if (count < 0 || count > bytes.remaining() / least) {
      throw new IOException(
          "the header has " + count + " " + what + ", and " + bytes.remaining() + " bytes follow");
    }
    return (int) count;
  }

  private static void requireNew(String name, Object before) throws IOException {
    if (before != null) {
      throw new IOException(name + " is there twice");
    }
  }
}
