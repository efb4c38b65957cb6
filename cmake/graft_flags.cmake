# One interface target carries the flags of every target of ours; nothing leaks to those who link graft.
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# Assertions state our own mistakes; they cost little beside tensor work, so releases keep them.
string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")

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
