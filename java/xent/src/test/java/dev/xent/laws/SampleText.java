// SPDX-License-Identifier: Apache-2.0
package dev.xent.laws;

import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;

/** Samples as {@code name=value} pairs; what is 0, false or the first of its kind is left out. */
final class SampleText {
  private SampleText() {}

  static String of(Sample sample) {
    StringJoiner text = new StringJoiner(" ");
    write(sample, text);
    return text.toString();
  }

  private static void write(Record record, StringJoiner text) {
    for (RecordComponent component : record.getClass().getRecordComponents()) {
      Object value = get(component, record);
      String name = component.getName();
      switch (value) {
        case Layout layout -> {
          StringJoiner inner = new StringJoiner(" ");
          write(layout, inner);
          if (inner.length() > 0) {
            text.add(name + "." + inner.toString().replace(" ", " " + name + "."));
          }
        }
        case Record inner -> write(inner, text);
        case List<?> sizes ->
            text.add(name + "=" + sizes.toString().replaceAll("[\\[\\] ]", "").replace(',', 'x'));
        default -> {
          if (!value.equals(zero(component.getType()))) {
            text.add(name + "=" + value);
          }
        }
      }
    }
  }

  private static Object get(RecordComponent component, Record record) {
    try {
      return component.getAccessor().invoke(record);
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(e);
    }
  }

  private static Object zero(Class<?> type) {
    if (type.isEnum()) {
      return type.getEnumConstants()[0];
    }
    return type == boolean.class
        ? (Object) false
        : type == double.class ? (Object) 0.0 : (Object) 0;
  }

  /** The sample of a text. */
  static Sample parse(String text) {
    Map<String, String> values = new HashMap<>();
    for (String pair : text.strip().split("\\s+")) {
      String[] words = pair.split("=", 2);
      values.put(words[0], words[1]);
    }
    Sample sample = read(Sample.class, "", values);
    if (!values.isEmpty()) {
      throw new IllegalArgumentException("a sample has no " + values.keySet());
    }
    return sample;
  }

  private static <T extends Record> T read(
      Class<T> type, String prefix, Map<String, String> values) {
    RecordComponent[] components = type.getRecordComponents();
    Object[] arguments = new Object[components.length];
    for (int i = 0; i < components.length; i++) {
      String name = prefix + components[i].getName();
      arguments[i] = read(components[i].getType(), name, values.remove(name), values);
    }
    try {
      Class<?>[] types =
          Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
      return type.getDeclaredConstructor(types).newInstance(arguments);
    } catch (ReflectiveOperationException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static Object read(Class<?> type, String name, String value, Map<String, String> values) {
    if (type == Layout.class) {
      return read(Layout.class, name + ".", values);
    }
    if (type.isRecord()) {
      return read(type.asSubclass(Record.class), "", values);
    }
    if (value == null) {
      return zero(type);
    }
    if (type == List.class) {
      return Arrays.stream(value.split("x")).map(Integer::valueOf).toList();
    }
    if (type.isEnum()) {
      return Arrays.stream(type.getEnumConstants())
          .filter(each -> each.toString().equals(value))
          .findFirst()
          .orElseThrow(() -> new IllegalArgumentException(name + " is no " + value));
    }
    return type == boolean.class
        ? (Object) Boolean.valueOf(value)
        : type == double.class ? (Object) Double.valueOf(value) : (Object) Integer.valueOf(value);
  }
}
