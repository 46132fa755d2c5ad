# Hardening of the shared library: what costs nothing in the kernels.
add_library(xent_hardening INTERFACE)
target_compile_options(xent_hardening INTERFACE -fstack-protector-strong -fstack-clash-protection
  $<$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},x86_64>:-fcf-protection=full>)
target_link_options(xent_hardening INTERFACE -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,-z,defs)
