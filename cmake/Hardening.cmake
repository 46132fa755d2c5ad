# Hardening of the library: what costs nothing in the kernels. Distributions add such flags to their compilers, and so do
# projects that Xent is a part of. Every flag that decides which functions an object calls is therefore stated here, after
# theirs. CMake drops an option that it has seen before; SHELL: makes these different from a parent project's.
include(CheckCCompilerFlag)
include(CheckLinkerFlag)
add_library(xent_hardening INTERFACE)

# xent_harden(FLAG): FLAG, if the compiler knows it.
function(xent_harden flag)
  string(MAKE_C_IDENTIFIER XENT_HAS_${flag} known)
  check_c_compiler_flag(${flag} ${known})
  if(${known})
    target_compile_options(xent_hardening INTERFACE SHELL:${flag})
  endif()
endfunction()

# Checked copies are functions of a C library. The preprocessor reads -Wp after all other options; zig rejects it.
target_compile_options(xent_hardening INTERFACE "SHELL:-U_FORTIFY_SOURCE")
xent_harden(-Wp,-U_FORTIFY_SOURCE)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  xent_harden(-fstack-clash-protection)
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    xent_harden(-fcf-protection=full)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    xent_harden(-mbranch-protection=standard)
  endif()
  target_link_options(xent_hardening INTERFACE -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,-z,defs)
endif()
# Not for Windows, whose C library has no canary, nor for AArch64 Linux, where it lies in the system's loader: other
# loaders have another name, and one library serves them all.
if(WIN32 OR (CMAKE_SYSTEM_NAME STREQUAL "Linux" AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$"))
  target_compile_options(xent_hardening INTERFACE SHELL:-fno-stack-protector)
else()
  target_compile_options(xent_hardening INTERFACE SHELL:-fstack-protector-strong)
endif()
# A parent's -fPIE would come after CMake's -fPIC.
if(NOT WIN32)
  target_compile_options(xent_hardening INTERFACE SHELL:-fPIC)
endif()

# A shared library of Linux that needs no other one: neither the compiler's start files, which mark the whole library as
# compiled without control-flow protection where they are, as Debian's, nor a C library.
add_library(xent_alone INTERFACE)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT XENT_SANITIZE AND NOT XENT_FUZZ)
  target_sources(xent_alone INTERFACE ${CMAKE_CURRENT_SOURCE_DIR}/src/cpu/alone.c)
  target_compile_definitions(xent_alone INTERFACE XENT_ALONE)
  target_link_options(xent_alone INTERFACE -nostdlib)
  target_link_libraries(xent_alone INTERFACE gcc) # what the processor has no instruction for: 128-bit division
  # Relative relocations that an older C library does not know: one that does is named by linkers in the needed libraries.
  check_linker_flag(C -Wl,-z,nopack-relative-relocs XENT_HAS_PACKED_RELOCATIONS)
  if(XENT_HAS_PACKED_RELOCATIONS)
    target_link_options(xent_alone INTERFACE -Wl,-z,nopack-relative-relocs)
  endif()
  # Link-time optimisation would remove functions that nothing calls yet.
  set(XENT_FLAGS_OF_ALONE -ffreestanding -fno-builtin -fno-lto)
  check_c_compiler_flag(-fno-tree-loop-distribute-patterns XENT_HAS_LOOP_PATTERNS)
  if(XENT_HAS_LOOP_PATTERNS)
    list(APPEND XENT_FLAGS_OF_ALONE -fno-tree-loop-distribute-patterns)
  endif()
  set_source_files_properties(src/cpu/alone.c PROPERTIES COMPILE_OPTIONS "${XENT_FLAGS_OF_ALONE}")
endif()
