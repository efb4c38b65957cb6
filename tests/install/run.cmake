# Installs to a fresh folder, builds the consumer project against it, and runs what it built.
set(work ${GRAFT_BUILD}/tests/install/work)
set(prefix ${work}/prefix)
file(REMOVE_RECURSE ${work})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    string(JOIN " " command ${ARGN})
    message(FATAL_ERROR "${command}\nended with ${status}:\n${output}")
  endif()
endfunction()

run(${CMAKE_COMMAND} --install ${GRAFT_BUILD} --prefix ${prefix})
# Moved, so that paths into the place of installation are found out.
file(RENAME ${prefix} ${work}/moved)
set(prefix ${work}/moved)

set(launcher "")
if(CCACHE)
  set(launcher -D CMAKE_CXX_COMPILER_LAUNCHER=${CCACHE})
endif()
run(${CMAKE_COMMAND} -G ${GENERATOR} -S ${GRAFT_SOURCE}/tests/install/consumer -B ${work}/consumer
    -D CMAKE_PREFIX_PATH=${prefix} -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_BUILD_TYPE=${BUILD_TYPE}
    -D Torch_DIR=${TORCH_DIR} -D GRAFT_SOURCE=${GRAFT_SOURCE} -D GRAFT_PREFIX=${prefix} ${launcher})
run(${CMAKE_COMMAND} --build ${work}/consumer)
run(${CMAKE_CTEST_COMMAND} --test-dir ${work}/consumer --output-on-failure)

file(GLOB_RECURSE targets ${prefix}/*.cmake)
foreach(file IN LISTS targets)
  file(READ ${file} text)
  string(FIND "${text}" "${GRAFT_SOURCE}/graft" source_at)
  string(FIND "${text}" "${GRAFT_BUILD}/graft" build_at)
  if(NOT source_at EQUAL -1 OR NOT build_at EQUAL -1)
    message(FATAL_ERROR "${file} names a path of the source or build tree")
  endif()
endforeach()
file(REMOVE_RECURSE ${work})
