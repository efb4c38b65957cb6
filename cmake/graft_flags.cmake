# One interface target carries the flags of every target of ours; nothing leaks to those who link graft.
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# LibTorch's libraries are built with NDEBUG, and some of its classes are laid out differently without it (RecordFunction). Our
# own assertions (GRAFT_ASSERT) do not go by it: they cost little beside tensor work, so releases keep them.
add_compile_definitions($<$<COMPILE_LANGUAGE:CXX>:NDEBUG>)

find_program(GRAFT_CCACHE ccache)
if(GRAFT_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${GRAFT_CCACHE})
endif()

add_library(graft_flags INTERFACE)
target_compile_features(graft_flags INTERFACE cxx_std_20)
target_compile_options(graft_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Werror -fno-math-errno)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  if(GRAFT_CCACHE)
    target_compile_options(graft_flags INTERFACE -Xclang -fno-pch-timestamp)
  endif()
else()
  # g++ 12 reports false positives out of inlined library headers.
  target_compile_options(graft_flags INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-array-bounds
                         -Wno-stringop-overflow -Wno-dangling-pointer)
endif()
if(GRAFT_SANITIZE)
  target_compile_options(graft_flags INTERFACE -fsanitize=${GRAFT_SANITIZE} -fno-sanitize-recover=undefined
                         -fno-omit-frame-pointer)
  target_link_options(graft_flags INTERFACE -fsanitize=${GRAFT_SANITIZE})
endif()
