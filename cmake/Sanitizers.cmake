# -DXENT_SANITIZE=address,undefined builds everything with these sanitizers.
set(XENT_SANITIZE "" CACHE STRING "Sanitizers for all targets, for example address,undefined")
add_library(xent_sanitizers INTERFACE)
if(XENT_SANITIZE)
  target_compile_options(xent_sanitizers INTERFACE
    -fsanitize=${XENT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(xent_sanitizers INTERFACE -fsanitize=${XENT_SANITIZE})
endif()

# -DXENT_FUZZ=ON (clang): all code tells libFuzzer which edges it takes. See native/fuzz. With sanitizers it takes six times
# as long to compile; without, arrays still end at pages without access. Optimised as always: less of that takes longer to
# compile, as everything of a tier is inlined first.
option(XENT_FUZZ "Targets for libFuzzer" OFF)
if(XENT_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "XENT_FUZZ needs clang, which has libFuzzer: cmake -DCMAKE_C_COMPILER=clang")
  endif()
  target_compile_options(xent_sanitizers INTERFACE -fsanitize=fuzzer-no-link -gline-tables-only)
endif()
