# A tier: one source per family of kernels, the one that takes longest first.
list(APPEND XENT_SOURCES_OF_TIER f32 sampler linear_layer others)
list(TRANSFORM XENT_SOURCES_OF_TIER REPLACE "(.+)" "${CMAKE_CURRENT_SOURCE_DIR}/src/kernels/tier/\\1.c")

# xent_add_tier(NAME FLAGS...): compiles every kernel once more, with that tier's instruction set. Only these objects get
# such flags; everything else stays baseline, so that the library loads on any CPU. XENT_TIERS, a list that has scalar in
# it, leaves out the other tiers: for builds that are only tested.
function(xent_add_tier name)
  if(DEFINED XENT_TIERS AND NOT name IN_LIST XENT_TIERS)
    return()
  endif()
  add_library(xent_tier_${name} OBJECT ${XENT_SOURCES_OF_TIER})
  target_compile_definitions(xent_tier_${name} PRIVATE XENT_TIER=${name})
  target_compile_options(xent_tier_${name} PRIVATE ${ARGN} ${XENT_FLAGS_OF_KERNELS})
  target_link_libraries(xent_tier_${name} PRIVATE xent_build)
  set(XENT_FLAGS_OF_${name} ${ARGN} ${XENT_FLAGS_OF_KERNELS} PARENT_SCOPE)
  string(TOUPPER ${name} upper)
  target_compile_definitions(xent_core INTERFACE XENT_HAVE_${upper})
  target_sources(xent_core INTERFACE $<TARGET_OBJECTS:xent_tier_${name}>)
endfunction()
