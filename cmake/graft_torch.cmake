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
  target_link_libraries(graft_torch INTERFACE ${TORCH_LIBRARIES})
endif()
