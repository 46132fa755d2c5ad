# SPDX-License-Identifier: Apache-2.0
# A toolchain file for any platform with the clang, linker and C libraries that zig brings, which
# tools/release/cross-natives uses.
#   cmake -DCMAKE_TOOLCHAIN_FILE=cmake/Zig.cmake -DXENT_ZIG=/path/to/zig -DXENT_TARGET=aarch64-linux-gnu.2.17
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES XENT_ZIG XENT_TARGET)
if(NOT XENT_TARGET MATCHES "^(x86_64|aarch64)-(linux|macos|windows)")
  message(FATAL_ERROR "XENT_TARGET=${XENT_TARGET} is no target of zig that Xent knows")
endif()
set(CMAKE_SYSTEM_PROCESSOR ${CMAKE_MATCH_1})
string(REPLACE "macos" "Darwin" CMAKE_SYSTEM_NAME ${CMAKE_MATCH_2})
string(REPLACE "linux" "Linux" CMAKE_SYSTEM_NAME ${CMAKE_SYSTEM_NAME})
string(REPLACE "windows" "Windows" CMAKE_SYSTEM_NAME ${CMAKE_SYSTEM_NAME})

set(CMAKE_C_COMPILER ${XENT_ZIG} cc -target ${XENT_TARGET})
# What debuggers read on Windows has no name for four registers of NEON that are loaded at once: the compiler would give up.
if(XENT_TARGET MATCHES "^aarch64-windows")
  set(CMAKE_C_FLAGS_INIT -g0)
endif()
# CMake knows no archiver with arguments of its own.
set(CMAKE_C_ARCHIVE_CREATE "\"${XENT_ZIG}\" ar qcD <TARGET> <OBJECTS>")
set(CMAKE_C_ARCHIVE_APPEND "\"${XENT_ZIG}\" ar qD <TARGET> <OBJECTS>")
set(CMAKE_C_ARCHIVE_FINISH "\"${XENT_ZIG}\" ranlib <TARGET>")
