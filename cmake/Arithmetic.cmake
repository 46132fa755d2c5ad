# Nothing may be contracted, reordered or assumed of a number: the bits are the contract. A parent project may want other
# arithmetic for itself, so each flag of that family has its opposite here, after the parent's. In one option, as CMake
# drops those that it has seen before. numerics/float_flags.h stops the compiler if one is set all the same.
include(CheckCCompilerFlag)
set(arithmetic -fno-fast-math -fno-finite-math-only -fno-associative-math -fno-reciprocal-math -fsigned-zeros
  -fno-rounding-math)
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
  # Not -fno-unsafe-math-optimizations, with which clang 13 to 18 keep the order of exceptions, too.
  list(APPEND arithmetic -fhonor-nans -fhonor-infinities -fdenormal-fp-math=ieee)
  check_c_compiler_flag(-fno-approx-func XENT_HAS_APPROX_FUNC)
  if(XENT_HAS_APPROX_FUNC)
    list(APPEND arithmetic -fno-approx-func)
  endif()
else()
  list(APPEND arithmetic -fno-unsafe-math-optimizations -ftrapping-math -fno-signaling-nans
    -fno-single-precision-constant)
endif()
# Last, as -fno-fast-math sets them.
list(APPEND arithmetic -ffp-contract=off -fno-math-errno)
list(JOIN arithmetic " " arithmetic)
add_library(xent_arithmetic INTERFACE)
target_compile_options(xent_arithmetic INTERFACE "SHELL:${arithmetic}")
