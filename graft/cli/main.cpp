#include <cstdio>
#include <cstdlib>

#include "graft/cli/command.h"

int main(int argc, char** argv) {
  const int code = graft::cli::run_program(argc, argv);
  // Everything is flushed; the process's threads and memory go faster with it than one by one.
  std::fflush(nullptr);
  std::_Exit(code);
}
