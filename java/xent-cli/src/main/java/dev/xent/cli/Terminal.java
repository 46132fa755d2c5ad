// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** What standard error is. Java says it of standard input and output only. */
final class Terminal {
  private static final int STANDARD_ERROR = 2;

  /** Asks a terminal for its size: rows and columns, two bytes each. */
  private static final long SIZE =
      System.getProperty("os.name").startsWith("Mac") ? 0x40087468 : 0x5413;

  private static final int SIZE_BYTES = 8;
  private static final int USUAL_COLUMNS = 80;

  private Terminal() {}

  /** Whether a person may be looking at standard error; false where that cannot be found out. */
  @SuppressWarnings("restricted")
  static boolean isStandardError() {
    Linker linker = Linker.nativeLinker();
    return linker
        .defaultLookup()
        .find("isatty")
        .or(() -> linker.defaultLookup().find("_isatty")) // so called by Windows
        .map(
            address ->
                linker.downcallHandle(
                    address, FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT)))
        .map(Terminal::ask)
        .orElse(false);
  }

  /** How wide the terminal of standard error is; 80 where it does not tell. */
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
