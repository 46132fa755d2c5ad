# Hardening of the shared library: what costs nothing in the kernels.
add_library(xent_hardening INTERFACE)
target_compile_options(xent_hardening INTERFACE -fstack-protector-strong -fstack-clash-protection
  $<$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},x86_64>:-fcf-protection=full>)
target_link_options(xent_hardening INTERFACE -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,-z,defs)

# A shared library without the compiler's start files: it needs none of what they do, and where they are compiled without
# control-flow protection, as Debian's are, the linker drops the mark of it from the whole library.
add_library(xent_alone INTERFACE)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT XENT_SANITIZE)
  target_link_options(xent_alone INTERFACE -nostartfiles)
endif()
