# What `cmake --install` puts where: the compiler, the runtime beside it (compiler/link.c looks there), and how other projects
# find both: find_package(nnc) and pkg-config.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(NNC_LIBDIR lib/nnc)
set(NNC_CMAKEDIR lib/cmake/nnc)
install(TARGETS nnc DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS nnrt nnrt_extras DESTINATION ${NNC_LIBDIR})
install(FILES runtime/nnrt.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
configure_package_config_file(cmake/nncConfig.cmake.in ${CMAKE_BINARY_DIR}/nncConfig.cmake
  INSTALL_DESTINATION ${NNC_CMAKEDIR}
  PATH_VARS CMAKE_INSTALL_BINDIR CMAKE_INSTALL_INCLUDEDIR NNC_LIBDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/nncConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/nncConfig.cmake ${CMAKE_BINARY_DIR}/nncConfigVersion.cmake DESTINATION ${NNC_CMAKEDIR})
# The prefix is known when installing only: `cmake --install --prefix` may change it.
foreach(package nnrt nnrt-extras)
  install(CODE "
    set(PROJECT_VERSION ${PROJECT_VERSION})
    set(NNC_LIBDIR ${NNC_LIBDIR})
    set(CMAKE_INSTALL_INCLUDEDIR ${CMAKE_INSTALL_INCLUDEDIR})
    set(CMAKE_INSTALL_BINDIR ${CMAKE_INSTALL_BINDIR})
    get_filename_component(CMAKE_INSTALL_PREFIX \"\${CMAKE_INSTALL_PREFIX}\" ABSOLUTE)
    configure_file(${PROJECT_SOURCE_DIR}/cmake/${package}.pc.in
      \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/pkgconfig/${package}.pc\" @ONLY)")
endforeach()
