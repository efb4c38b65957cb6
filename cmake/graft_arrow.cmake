# graft_arrow: the plugin that reads Parquet (plugins/arrow), where the Arrow libraries of a pyarrow wheel are found: the
# wheel brings headers and shared libraries. Looked for in GRAFT_ARROW (environment or cache; the folder that holds
# include/arrow), in .deps/pyarrow (scripts/pyarrow), in .deps/oracles, and among the modules of python3. Without it
# everything else is built, and graft says of Parquet files what to do.
if(NOT DEFINED GRAFT_ARROW AND DEFINED ENV{GRAFT_ARROW})
  set(GRAFT_ARROW "$ENV{GRAFT_ARROW}")
endif()
set(candidates ${GRAFT_ARROW})
if(NOT GRAFT_ARROW)
  file(GLOB oracles ${PROJECT_SOURCE_DIR}/.deps/oracles/lib/python3*/site-packages/pyarrow)
  set(candidates ${PROJECT_SOURCE_DIR}/.deps/pyarrow/pyarrow ${oracles})
  # Looked up without importing it.
  execute_process(COMMAND python3 -c "import importlib.util, os
found = importlib.util.find_spec('pyarrow')
print(os.path.dirname(found.origin) if found else '')" WORKING_DIRECTORY / OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  list(APPEND candidates ${found})
endif()

# The newest shared library of a name: libarrow.so.2600 and, in some wheels, libarrow.so beside it.
function(graft_arrow_library folder name result)
  file(GLOB files ${folder}/lib${name}.so.[0-9]* ${folder}/lib${name}.so)
  list(SORT files COMPARE NATURAL ORDER DESCENDING)
  set(newest "")
  if(files)
    list(GET files 0 newest)
  endif()
  set(${result} "${newest}" PARENT_SCOPE)
endfunction()

set(graft_arrow_folder "")
foreach(folder IN LISTS candidates)
  graft_arrow_library(${folder} arrow arrow_library)
  graft_arrow_library(${folder} parquet parquet_library)
  if(NOT EXISTS ${folder}/include/parquet/arrow/reader.h OR NOT arrow_library OR NOT parquet_library)
    continue()
  endif()
  # Versions differ in their interface, and older wheels in the ABI of std::string: what links is right.
  string(MAKE_C_IDENTIFIER "graft_arrow_links_${arrow_library}" links)
  if(NOT ${links}) # a failure is tried again
    unset(${links} CACHE)
    try_compile(${links} ${PROJECT_BINARY_DIR}/arrow_probe SOURCES ${PROJECT_SOURCE_DIR}/plugins/arrow/probe.cpp
                CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${folder}/include" LINK_LIBRARIES ${parquet_library} ${arrow_library}
                CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON)
  endif()
  if(${links})
    set(graft_arrow_folder ${folder})
    break()
  endif()
  message(STATUS "Arrow: ${folder} is of a version that graft does not build with; passed over (scripts/pyarrow fetches one that it does)")
endforeach()

if(graft_arrow_folder)
  message(STATUS "Arrow: ${arrow_library}")
  add_library(graft_arrow_libraries INTERFACE)
  target_include_directories(graft_arrow_libraries SYSTEM INTERFACE ${graft_arrow_folder}/include)
  target_link_libraries(graft_arrow_libraries INTERFACE ${parquet_library} ${arrow_library})
elseif(GRAFT_ARROW)
  message(FATAL_ERROR "GRAFT_ARROW is '${GRAFT_ARROW}', which holds no Arrow that graft builds with: expected include/parquet/arrow/reader.h, "
                      "libarrow.so.* and libparquet.so.* as a pyarrow wheel has them")
else()
  message(STATUS "Arrow: not found; Parquet files will not be read (scripts/pyarrow fetches it)")
endif()
