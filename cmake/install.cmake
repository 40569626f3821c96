# cmake --install: programs, the library with its header, and what pkg-config and find_package(jobs)
# read.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/jobs)

install(TARGETS jobctl)
install(TARGETS jobs jobs_client EXPORT jobs)
install(FILES ${PROJECT_SOURCE_DIR}/module/jobs.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT jobs NAMESPACE jobs:: FILE jobsTargets.cmake DESTINATION ${package_dir})

configure_package_config_file(cmake/jobsConfig.cmake.in ${CMAKE_BINARY_DIR}/jobsConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/jobsConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/jobsConfig.cmake ${CMAKE_BINARY_DIR}/jobsConfigVersion.cmake
  DESTINATION ${package_dir})

foreach(name jobs jobs-client)
  set(library ${name})
  configure_file(cmake/jobs.pc.in ${CMAKE_BINARY_DIR}/${name}.pc @ONLY)
endforeach()
install(FILES ${CMAKE_BINARY_DIR}/jobs.pc ${CMAKE_BINARY_DIR}/jobs-client.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
