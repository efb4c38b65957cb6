# graft_torch: LibTorch's libraries and include folders, as system headers. Used by the build and, installed, by
# graft-config.cmake; both have found Torch and fmt before. Imported, so that exporting the modules does not export it.
if(NOT TARGET graft_torch)
  add_library(graft_torch INTERFACE IMPORTED GLOBAL)
  # LibTorch brings headers of a fmt of its own, whose library it hides inside: they would shadow the system's, and not
  # link. A folder that holds nothing but a link to the system's fmt comes before them.
  get_target_property(fmt_include fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
  foreach(folder IN LISTS fmt_include)
    if(EXISTS "${folder}/fmt/format.h")
      file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/graft_fmt")
      file(CREATE_LINK "${folder}/fmt" "${CMAKE_BINARY_DIR}/graft_fmt/fmt" SYMBOLIC)
      target_include_directories(graft_torch SYSTEM INTERFACE "${CMAKE_BINARY_DIR}/graft_fmt")
      break()
    endif()
  endforeach()
  target_include_directories(graft_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  # LibTorch before 2.13 is built with compilers that name some templates in an older way.
  if(Torch_VERSION VERSION_LESS 2.13)
    target_compile_options(graft_torch INTERFACE "$<$<AND:$<CXX_COMPILER_ID:Clang>,$<VERSION_GREATER_EQUAL:$<CXX_COMPILER_VERSION>,18>>:-fclang-abi-compat=17>")
  endif()
  # CUDA builds of LibTorch carry parts of the C++ library (std::filesystem) that do not work outside of it: the
  # system's must be found first.
  target_link_libraries(graft_torch INTERFACE
    "$<$<PLATFORM_ID:Linux>:-Wl,--push-state,--no-as-needed,-lstdc++,--pop-state>" ${TORCH_LIBRARIES})
endif()
