#include <c10/util/Exception.h>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "graft/base/error.h"
#include "graft/base/options.h"
#include "graft/cli/command.h"
#include "graft/tensor/memory.h"
#include "graft/train/stop.h"

namespace graft::cli {

#define COMMAND(name) Command name();
#include "graft/cli/commands.def"
#undef COMMAND

const std::vector<Command>& commands() {
  static const std::vector<Command> all = {
#define COMMAND(name) name(),
#include "graft/cli/commands.def"
#undef COMMAND
  };
  return all;
}

namespace {

void on_signal(int) {
  if (train::stop_requested()) std::_Exit(130);  // asked twice: do not wait for the checkpoint
  train::request_stop();
}

void print_help() {
  std::cout << "graft: fine-tunes pretrained models under a budget\n\n  graft COMMAND "
               "[config.yaml] [key=value ...]\n\n";
  for (const Command& command : commands())
    std::cout << fmt::format("  {:<10} {}\n", command.name, command.summary);
  std::cout << "\n`graft COMMAND --help` tells more; `graft describe` lists methods, strategies, "
               "models and settings.\n";
}

int dispatch(const Words& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print_help();
    return words.empty() ? static_cast<int>(ErrorCode::usage) : 0;
  }
  std::string name = words[0] == "--version" ? "version" : words[0];
  Words names;
  for (const Command& command : commands()) {
    if (command.name == name) return command.run({words.begin() + 1, words.end()});
    names.push_back(command.name);
  }
  fail_usage("graft has no command '{}'{}; see graft --help", name, did_you_mean(name, names));
}

/// Whether whoever read the output went away, as head(1) does: that is no failure.
bool reader_left() {
  pollfd out{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

}  // namespace

int run_program(int argc, char** argv) {
  install_counting_allocator();  // before the first tensor
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    const int code = dispatch(Words(argv + 1, argv + argc));
    if (std::cout.flush() || reader_left()) return code;
    std::cerr << "graft: the output could not be written whole: the disk may be full\n";
    return static_cast<int>(ErrorCode::unreadable);
  } catch (const Error& e) {
    std::cout.flush();
    std::cerr << "graft: " << e.what() << "\n";
    return static_cast<int>(e.code());
  } catch (const std::bad_alloc&) {
    std::cerr
        << "graft: the system has no more memory; give a smaller train.batch, or budget.memory\n";
    return static_cast<int>(ErrorCode::no_plan);
  } catch (const c10::OutOfMemoryError& e) {
    std::cout.flush();
    std::cerr << "graft: the GPU has no more memory; give a smaller train.batch, "
                 "train.recompute=blocks, or a budget.memory so that graft plans within it ("
              << e.what_without_backtrace() << ")\n";
    return static_cast<int>(ErrorCode::no_plan);
  } catch (const std::filesystem::filesystem_error& e) {
    std::cout.flush();
    std::cerr << fmt::format("graft: {}: {}; check that the place is there and may be written to\n",
                             e.path1().string(), e.code().message());
    return static_cast<int>(ErrorCode::unreadable);
  } catch (const std::exception& e) {
    std::cout.flush();
    const std::string what = e.what();
    std::cerr << "graft: " << what.substr(0, what.find("\nException raised from")) << "\n";
    return static_cast<int>(ErrorCode::internal);
  }
}

}  // namespace graft::cli
