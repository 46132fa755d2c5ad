// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import dev.xent.cli.NumberFlags.Flag;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** The flags of a command for the numbers of its builder, which checks their ranges. */
final class NumberOptions {
  private final Map<OptionSpec, Method> setters = new LinkedHashMap<>();

  /**
   * The flags that are methods of a builder, with one parameter.
   *
   * @param without names that this command does not have
   */
  NumberOptions(List<Flag> flags, Class<?> builder, String... without) {
    for (Flag flag : flags) {
      if (!List.of(without).contains(flag.name())) {
        Arrays.stream(builder.getMethods())
            .filter(method -> method.getName().equals(flag.name()) && !method.isBridge())
            .forEach(method -> setters.put(option(flag, method), method));
      }
    }
  }

  private static OptionSpec option(Flag flag, Method method) {
    Class<?> number = method.getParameterTypes()[0];
    return OptionSpec.builder(nameOf(flag.name()))
        .paramLabel(flag.label())
        .description(flag.help())
        .type(number == long.class ? Long.class : Double.class)
        .build();
  }

  /** The flag of a name in Java: {@code topK} is {@code --top-k}. */
  static String nameOf(String name) {
    StringBuilder flag = new StringBuilder("--");
    for (char letter : name.toCharArray()) {
      flag.append(Character.isUpperCase(letter) ? "-" : "").append(letter);
    }
    return flag.toString().toLowerCase(Locale.ROOT);
  }

  /** Adds the flags to a command. */
  void addTo(CommandSpec command) {
    setters.keySet().forEach(command::addOption);
  }

  /**
   * Sets the given numbers in a builder, and returns it.
   *
   * @throws dev.xent.errors.OptionException for a number out of range
   */
  <B> B applyTo(B builder) {
    setters.forEach(
        (option, setter) -> {
          if (option.getValue() != null) {
            set(builder, setter, option.getValue());
          }
        });
    return builder;
  }

  private static void set(Object builder, Method setter, Object number) {
    try {
      setter.invoke(builder, number);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(e);
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }
}
