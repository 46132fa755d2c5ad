# -DXENT_SANITIZE=address,undefined builds everything with these sanitizers.
set(XENT_SANITIZE "" CACHE STRING "Sanitizers for all targets, for example address,undefined")
add_library(xent_sanitizers INTERFACE)
if(XENT_SANITIZE)
  target_compile_options(xent_sanitizers INTERFACE
    -fsanitize=${XENT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(xent_sanitizers INTERFACE -fsanitize=${XENT_SANITIZE})
endif()
