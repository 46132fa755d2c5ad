# Warnings for our own code; XENT_WERROR turns them into errors (continuous integration).
option(XENT_WERROR "Warnings are errors" OFF)
add_library(xent_warnings INTERFACE)
target_compile_options(xent_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wundef
  -Wno-unknown-pragmas)
# What clang says more of: {0} for a struct of all zeros, integer constants in float arithmetic, attributes of gcc's alone.
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
  target_compile_options(xent_warnings INTERFACE
    -Wno-missing-field-initializers -Wno-enum-float-conversion -Wno-unknown-attributes)
endif()
if(XENT_WERROR)
  target_compile_options(xent_warnings INTERFACE -Werror)
endif()
