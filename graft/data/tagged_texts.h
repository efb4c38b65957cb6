#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graft/data/listing.h"
#include "graft/text/span.h"

namespace graft::data {

/// Collects texts whose words have tags and makes a listing of them (Target::token_classes), whose
/// classes are the tags.
class TaggedTexts {
 public:
  /// `where` names the source in errors; `unit` counts texts in ids and errors ("line").
  TaggedTexts(std::string where, std::string unit);

  /// Adds a text, the `number`th of its source, with a tag for each of its words. One without words
  /// is left out and counted. `id` is "<unit>:<number>" when it is empty.
  void add(int64_t number, std::string_view text, std::span<const texts::Span> words,
           std::span<const std::string> tags, Split split = Split::none, std::string_view id = {});
  /// The same of words, with a blank between them.
  void add(int64_t number, std::span<const std::string> words, std::span<const std::string> tags,
           Split split = Split::none, std::string_view id = {});
  std::vector<std::string>& notes() { return listing_.notes; }

  /// No texts are an error (exit code 3).
  Listing finish();

 private:
  /// All texts one after the other, their words, and where of both each text ends.
  struct Texts {
    std::string bytes;
    std::vector<texts::Span> words;
    std::vector<uint64_t> ends, word_ends;

    Text text(size_t i) const;
  };

  void number_classes();

  std::string where_;
  std::string unit_;
  Texts texts_;
  Listing listing_;
  std::unordered_map<std::string, int> numbers_;  // of tags, in the order they were met
  int64_t empty_ = 0;
};

}  // namespace graft::data
