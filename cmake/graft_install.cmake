# cmake --install and find_package(graft): the modules as graft::<module>, all of them together as graft::graft, the headers
# under include/graft, the program in bin. tests/install builds examples/cpp against the result.
include(CMakePackageConfigHelpers)
get_property(graft_modules GLOBAL PROPERTY GRAFT_MODULES)
set(graft_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/graft)

add_library(graft_all INTERFACE)
set_target_properties(graft_all PROPERTIES EXPORT_NAME graft)
set(graft_targets graft_all)
foreach(module IN LISTS graft_modules)
  set_target_properties(graft_${module} PROPERTIES EXPORT_NAME ${module})
  list(APPEND graft_targets graft_${module})
  # The command line is the program's own; whoever links the library brings another.
  if(NOT module STREQUAL "cli")
    target_link_libraries(graft_all INTERFACE graft_${module})
  endif()
endforeach()

install(TARGETS ${graft_targets} EXPORT graft-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT graft-targets NAMESPACE graft:: DESTINATION ${graft_package_dir})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/graft/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/graft
        FILES_MATCHING PATTERN "*.h" PATTERN "*.def")
# FILES_MATCHING still makes the folders that hold neither.
install(CODE "
  set(folder \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_INCLUDEDIR}/graft\")
  file(GLOB_RECURSE entries LIST_DIRECTORIES true \"\${folder}/*\")
  list(REVERSE entries)
  foreach(entry IN LISTS entries)
    file(GLOB inside \"\${entry}/*\")
    if(IS_DIRECTORY \"\${entry}\" AND NOT inside)
      file(REMOVE_RECURSE \"\${entry}\")
    endif()
  endforeach()")

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/graft-config.cmake.in ${PROJECT_BINARY_DIR}/graft-config.cmake
                              INSTALL_DESTINATION ${graft_package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/graft-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/graft-config.cmake ${PROJECT_BINARY_DIR}/graft-config-version.cmake
              ${CMAKE_CURRENT_LIST_DIR}/graft_torch.cmake
        DESTINATION ${graft_package_dir})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/THIRD_PARTY.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

if(TARGET graft)
  # The installed program finds LibTorch where the build found it. CMake's own rule leaves out places inside the project, and
  # scripts/setup puts LibTorch into one.
  get_filename_component(graft_torch_lib "${Torch_DIR}/../../../lib" ABSOLUTE)
  set_target_properties(graft PROPERTIES INSTALL_RPATH_USE_LINK_PATH TRUE INSTALL_RPATH "${graft_torch_lib}")
  install(TARGETS graft RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  # Beside bin, where the program looks for them by name (graft/models/load.cpp).
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples/models/ DESTINATION share/graft/models PATTERN "*.sh" EXCLUDE)
endif()
