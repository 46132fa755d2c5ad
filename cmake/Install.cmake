# cmake --install: the header, both libraries, and what pkg-config and find_package(xent) read. The version in the name
# of the shared library is the ABI's, which the header says.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(XENT_HEADER ${PROJECT_SOURCE_DIR}/../include/xent.h)
file(STRINGS ${XENT_HEADER} abi_line REGEX "^#define XENT_ABI_VERSION [0-9]+")
string(REGEX MATCH "[0-9]+$" XENT_ABI "${abi_line}")
if(NOT XENT_ABI)
  message(FATAL_ERROR "no XENT_ABI_VERSION in ${XENT_HEADER}")
endif()

set_target_properties(xent PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${XENT_ABI})
set_target_properties(xent_static PROPERTIES OUTPUT_NAME xent)
target_include_directories(xent PUBLIC $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_include_directories(xent_static PUBLIC $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/xent)
install(TARGETS xent xent_static EXPORT xentTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${XENT_HEADER} ${PROJECT_SOURCE_DIR}/../include/xent_bindings.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT xentTargets NAMESPACE xent:: DESTINATION ${package_directory})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/xentConfig.cmake.in ${PROJECT_BINARY_DIR}/xentConfig.cmake
  INSTALL_DESTINATION ${package_directory})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/xentConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/xentConfig.cmake ${PROJECT_BINARY_DIR}/xentConfigVersion.cmake
  DESTINATION ${package_directory})

# From the folder of xent.pc to the prefix, so that an installed tree can be moved.
file(RELATIVE_PATH XENT_PREFIX_FROM_PC /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${CMAKE_CURRENT_LIST_DIR}/xent.pc.in ${PROJECT_BINARY_DIR}/xent.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/xent.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
