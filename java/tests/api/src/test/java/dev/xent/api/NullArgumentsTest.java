// SPDX-License-Identifier: Apache-2.0
package dev.xent.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.Tensor;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Everything public of every module, called with null instead of each argument in turn: it is
 * rejected by the name of the argument, or of the option that the method sets, for a tensor with
 * what to give, and where it is allowed that is said by {@code @Nullable}. Exceptions are left out:
 * they are made by the library.
 */
class NullArgumentsTest {
  @TempDir Path folder;

  static List<Module> modules() {
    return Module.withApi();
  }

  @ParameterizedTest
  @MethodSource("modules")
  void nullIsRefusedByName(Module module) throws Exception {
    Samples samples = new Samples(folder);
    List<String> tried = new ArrayList<>();
    List<String> wrong = new ArrayList<>();
    for (Class<?> type : module.publicTypes()) {
      for (Executable executable : executablesOf(type)) {
        Parameter[] parameters = executable.getParameters();
        for (int i = 0; i < parameters.length; i++) {
          if (!parameters[i].getType().isPrimitive()) {
            String call = executable.toGenericString() + " with null as " + parameters[i].getName();
            tried.add(call);
            String answer = answer(samples, type, executable, i);
            if (!answer.isEmpty()) {
              wrong.add(call + ": " + answer);
            }
          }
        }
      }
    }
    assertThat(tried).isNotEmpty();
    assertThat(wrong).isEmpty();
  }

  private static List<Executable> executablesOf(Class<?> type) {
    if (Throwable.class.isAssignableFrom(type)) {
      return List.of();
    }
    Stream<Constructor<?>> constructors =
        Modifier.isAbstract(type.getModifiers()) ? Stream.of() : Stream.of(type.getConstructors());
    Stream<Method> methods =
        Stream.of(type.getMethods())
            .filter(method -> method.getDeclaringClass().getName().startsWith("dev.xent."))
            .filter(method -> !method.isBridge() && !method.isSynthetic())
            .filter(method -> !method.getName().equals("equals"))
            .filter(method -> !(type.isEnum() && method.getName().equals("valueOf")));
    return Stream.<Executable>concat(constructors, methods).toList();
  }

  /** What is wrong with what a call says of one null; empty where nothing is. */
  private static String answer(Samples samples, Class<?> type, Executable called, int place) {
    Parameter[] parameters = called.getParameters();
    Object[] arguments = new Object[parameters.length];
    for (int i = 0; i < arguments.length; i++) {
      arguments[i] = i == place ? null : samples.of(parameters[i].getType());
    }
    Parameter absent = parameters[place];
    boolean allowed = absent.getAnnotatedType().isAnnotationPresent(Nullable.class);
    Throwable thrown = thrownBy(samples, type, called, arguments);
    if (thrown instanceof UnsupportedOperationException) {
      return ""; // whatever it is given
    }
    if (thrown instanceof ClassCastException) {
      return thrown.toString(); // the other arguments are none that it can be called with
    }
    if (!(thrown instanceof NullPointerException)) {
      return allowed ? "" : "taken, with " + thrown;
    }
    boolean named =
        isNamed(absent.getName(), absent.getType(), thrown.getMessage())
            || (parameters.length == 1
                && isNamed(setting(called.getName()), absent.getType(), thrown.getMessage()));
    return named && !allowed ? "" : thrown.toString();
  }

  /** What a method sets: that of withThreads is threads. */
  private static String setting(String method) {
    String rest = method.substring(method.startsWith("with") ? 4 : 0);
    return rest.substring(0, 1).toLowerCase(Locale.ROOT) + rest.substring(1);
  }

  /**
   * Whether a message is the name of what is null or says what was expected; of a tensor it does.
   */
  private static boolean isNamed(String name, Class<?> absent, String message) {
    boolean byNameAlone = absent != Tensor.class;
    return message.startsWith(name + " is null; expected ")
        || (byNameAlone && message.equals(name));
  }

  private static @Nullable Throwable thrownBy(
      Samples samples, Class<?> type, Executable called, @Nullable Object[] arguments) {
    try {
      if (called instanceof Constructor<?> constructor) {
        constructor.newInstance(arguments);
      } else {
        boolean isStatic = Modifier.isStatic(called.getModifiers());
        ((Method) called).invoke(isStatic ? null : samples.of(type), arguments);
      }
      return null;
    } catch (InvocationTargetException e) {
      return e.getCause();
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(called.toGenericString(), e);
    }
  }
}
