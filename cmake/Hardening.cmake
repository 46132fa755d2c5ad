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

# A shared library without the compiler's start files: it needs none of what they do, and where they are compiled without
# control-flow protection, as Debian's are, the linker drops the mark of it from the whole library.
add_library(xent_alone INTERFACE)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT XENT_SANITIZE)
  target_link_options(xent_alone INTERFACE -nostartfiles)
endif()
