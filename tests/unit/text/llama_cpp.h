#pragma once

#include <gtest/gtest.h>

#include <sstream>

#include "graft/text/tokenizer.h"
#include "tests/support/support.h"

namespace graft::test {

/// The 46 texts of llama.cpp's vocabulary tests, and the ids that belong to `name`.
inline void expect_llama_cpp(const texts::Tokenizer& tokenizer, const std::string& name) {
  const auto base = shared_dir() / "tokenizers/llama.cpp-vocab" / ("ggml-vocab-" + name + ".gguf");
  const std::string input = read_text(base.string() + ".inp");
  std::istringstream output(read_text(base.string() + ".out"));
  const std::string separator = "\n__ggml_vocab_test__\n";
  size_t count = 0;
  for (size_t at = 0; at < input.size(); ++count) {
    const size_t end = std::min(input.find(separator, at), input.size());
    const std::string text = input.substr(at, end - at);
    at = end + separator.size();
    std::string line;
    ASSERT_TRUE(std::getline(output, line));
    std::istringstream numbers(line);
    std::vector<uint32_t> expected;
    for (uint32_t id = 0; numbers >> id;) expected.push_back(id);
    const auto encoding = tokenizer.encode(text, {.add_special = false, .parse_special = false});
    EXPECT_EQ(encoding.ids, expected) << count << ": " << text;
  }
  EXPECT_EQ(count, 46U);  // and an empty one behind the last separator
}

}  // namespace graft::test
