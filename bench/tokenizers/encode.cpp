#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "graft/base/clock.h"
#include "graft/base/files.h"
#include "graft/base/parallel.h"
#include "graft/text/node.h"
#include "graft/text/tokenizer.h"

/// encode_texts TOKENIZER TEXTS.json: for each line "ids 2" or "all 1" on stdin, encodes all texts
/// with so many threads and prints seconds, tokens and a checksum of the ids. compare.py asks.
int main(int argc, char** argv) {
  using namespace graft;
  if (argc != 3) {
    std::fputs("usage: encode_texts TOKENIZER TEXTS.json\n", stderr);
    return 2;
  }
  try {
    const auto tokenizer = texts::Tokenizer::open(argv[1]);
    const auto all = texts::parse_tree(read_file(argv[2], size_t{1} << 30), argv[2])
                         .get<std::vector<std::string>>();
    std::map<int, std::unique_ptr<ThreadPool>> pools;
    std::string mode;
    for (int threads = 1; std::cin >> mode >> threads;) {
      texts::EncodeOptions options{.add_special = false};
      options.ids_only = mode == "ids";
      auto& pool = pools[threads];
      if (!pool && threads > 1) pool = std::make_unique<ThreadPool>(threads);
      const Stopwatch watch;
      const auto encodings = tokenizer.encode_batch(all, options, pool.get());
      const double seconds = watch.seconds();
      size_t tokens = 0;
      uint64_t sum = 0;
      for (const auto& encoding : encodings) {
        tokens += encoding.size();
        for (const uint32_t id : encoding.ids) sum = (sum * 31 + id) % 1'000'000'007;
      }
      std::cout << seconds << ' ' << tokens << ' ' << sum << std::endl;
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
  return 0;
}
