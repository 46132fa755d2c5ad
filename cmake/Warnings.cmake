# Warnings for our own code; XENT_WERROR turns them into errors (continuous integration).
option(XENT_WERROR "Warnings are errors" OFF)
add_library(xent_warnings INTERFACE)
target_compile_options(xent_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wundef
  -Wno-unknown-pragmas)
if(XENT_WERROR)
  target_compile_options(xent_warnings INTERFACE -Werror)
endif()
