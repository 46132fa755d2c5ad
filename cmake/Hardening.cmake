# Hardening of the shared library: what costs nothing in the kernels.
add_library(xent_hardening INTERFACE)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  target_compile_options(xent_hardening INTERFACE -fstack-clash-protection
    $<$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},x86_64>:-fcf-protection=full>)
  target_link_options(xent_hardening INTERFACE -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,-z,defs)
endif()
# Not for Windows, whose C library has no canary, nor for AArch64 Linux, where it lies in the system's loader: other
# loaders have another name, and one library serves them all.
if(NOT WIN32 AND NOT (CMAKE_SYSTEM_NAME STREQUAL "Linux" AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$"))
  target_compile_options(xent_hardening INTERFACE -fstack-protector-strong)
endif()

# A shared library of Linux that needs no other one: neither the compiler's start files, which mark the whole library as
# compiled without control-flow protection where they are, as Debian's, nor a C library.
include(CheckCCompilerFlag)
add_library(xent_alone INTERFACE)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT XENT_SANITIZE AND NOT XENT_FUZZ)
  target_sources(xent_alone INTERFACE ${CMAKE_CURRENT_SOURCE_DIR}/src/cpu/alone.c)
  target_compile_definitions(xent_alone INTERFACE XENT_ALONE)
  target_link_options(xent_alone INTERFACE -nostdlib)
  target_link_libraries(xent_alone INTERFACE gcc) # what the processor has no instruction for: 128-bit division
  set(XENT_FLAGS_OF_ALONE -ffreestanding -fno-builtin)
  check_c_compiler_flag(-fno-tree-loop-distribute-patterns XENT_HAS_LOOP_PATTERNS)
  if(XENT_HAS_LOOP_PATTERNS)
    list(APPEND XENT_FLAGS_OF_ALONE -fno-tree-loop-distribute-patterns)
  endif()
  set_source_files_properties(src/cpu/alone.c PROPERTIES COMPILE_OPTIONS "${XENT_FLAGS_OF_ALONE}")
endif()
