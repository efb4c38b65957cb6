#include "graft/version.h"

#include <iostream>

#include "graft/base/clock.h"
#include "graft/cli/arguments.h"
#include "graft/tensor/device.h"

namespace graft::cli {

Command version() {
  return {"version", "prints the versions of graft and LibTorch, CPU features and threads",
          [](const Words& words) {
            Arguments arguments("version",
                                "Versions of graft and LibTorch, CPU features and threads.");
            if (!arguments.parse(words)) return 0;
            set_threads(usable_cores());
            std::cout << "graft " << kVersion << "\n" << torch_summary() << "\n";
            return 0;
          }};
}

}  // namespace graft::cli
