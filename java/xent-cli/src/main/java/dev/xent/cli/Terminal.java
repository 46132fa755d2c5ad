// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** Queries standard error, because Java does so only for standard input and output. */
final class Terminal {
  private static final int STANDARD_ERROR = 2;

  /** The request for the size of a terminal: rows and columns, two bytes each. */
  private static final long SIZE =
      System.getProperty("os.name").startsWith("Mac") ? 0x40087468 : 0x5413;

  private static final int SIZE_BYTES = 8;
  private static final int USUAL_COLUMNS = 80;

  private Terminal() {}

  /** Whether standard error is a terminal; false if unknown. */
  @SuppressWarnings("restricted")
  static boolean isStandardError() {
    Linker linker = Linker.nativeLinker();
    return linker
        .defaultLookup()
        .find("isatty")
        .or(() -> linker.defaultLookup().find("_isatty")) // its name on Windows
        .map(
            address ->
                linker.downcallHandle(
                    address, FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT)))
        .map(Terminal::ask)
        .orElse(false);
  }

  /** The width of the terminal of standard error; 80 if unknown. */
  @SuppressWarnings("restricted")
  static int columns() {
    Linker linker = Linker.nativeLinker();
    int columns =
        linker
            .defaultLookup()
            .find("ioctl")
            .map(
                address ->
                    linker.downcallHandle(
                        address,
                        FunctionDescriptor.of(
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.ADDRESS),
                        Linker.Option.firstVariadicArg(2)))
            .map(Terminal::askColumns)
            .orElse(0);
    return columns == 0 ? USUAL_COLUMNS : columns;
  }

  private static int askColumns(MethodHandle ioctl) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment size = arena.allocate(SIZE_BYTES, Short.BYTES);
      boolean told = (int) ioctl.invokeExact(STANDARD_ERROR, SIZE, size) == 0;
      return told ? Short.toUnsignedInt(size.getAtIndex(ValueLayout.JAVA_SHORT, 1)) : 0;
    } catch (Throwable e) {
      throw new AssertionError("ioctl throws nothing", e);
    }
  }

  private static boolean ask(MethodHandle isatty) {
    try {
      return (int) isatty.invokeExact(STANDARD_ERROR) != 0;
    } catch (Throwable e) {
      throw new AssertionError("isatty throws nothing", e);
    }
  }
}
