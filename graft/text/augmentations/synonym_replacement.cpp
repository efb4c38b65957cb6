#include <algorithm>
#include <unordered_map>

#include "graft/base/error.h"
#include "graft/text/augment.h"
#include "graft/text/augment_files.h"
#include "graft/text/words.h"

namespace graft::texts {
namespace {

bool is_letter(char c) {
  // Bytes of other scripts count as letters.
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}

std::string lowered(std::string_view word) {
  std::string out(word);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

class SynonymReplacement final : public Augment {
 public:
  SynonymReplacement(const std::string& file, double p, const std::string& where) : p_(p) {
    for (const auto& [number, line] : numbered_lines(file, where)) {
      std::vector<std::string> group;
      for (const std::string& word : split_at(line, ',')) {
        if (!word.empty()) group.push_back(word);
      }
      if (group.size() < 2) {
        fail_unreadable(
            "{}, line {}: expected words that stand for each other, such as 'big, "
            "large, huge'; got '{}'",
            file, number, line);
      }
      for (const std::string& word : group) groups_[lowered(word)] = words_.size();
      words_.push_back(std::move(group));
    }
    if (words_.empty()) fail_unreadable("{}: {} holds no words", where, file);
  }

  std::string apply(std::string text, Rng& rng) const override {
    std::vector<Word> words = split_words(text);
    for (Word& word : words) {
      const bool wanted = rng.chance(p_);
      // Punctuation around a word stays.
      const auto first = std::find_if(word.text.begin(), word.text.end(), is_letter);
      const auto last = std::find_if(word.text.rbegin(), word.text.rend(), is_letter).base();
      if (!wanted || first >= last) continue;
      const std::string bare(first, last);
      const auto found = groups_.find(lowered(bare));
      if (found == groups_.end()) continue;
      const auto& group = words_[found->second];
      std::string other = group[rng.below(group.size())];
      if (bare.front() >= 'A' && bare.front() <= 'Z' && other.front() >= 'a' &&
          other.front() <= 'z')
        other.front() = static_cast<char>(other.front() - 'a' + 'A');
      word.text =
          std::string(word.text.begin(), first) + other + std::string(last, word.text.end());
    }
    return join(words);
  }
  bool changes() const override { return p_ > 0; }

 private:
  double p_;
  std::vector<std::vector<std::string>> words_;
  std::unordered_map<std::string, size_t> groups_;  // by word in small letters
};

}  // namespace

AugmentRecord synonym_replacement_augment() {
  return {{"synonym_replacement",
           "puts one of a word's synonyms in its place",
           {graft::text("file", nullptr,
                        "words that stand for each other, a line each: big, large, huge"),
            number("p", 0.2, "probability of each word that has synonyms").between(0, 1)},
           "Wei and Zou 2019, arXiv:1901.11196"},
          [](const Options& options, const std::string& where) -> std::unique_ptr<const Augment> {
            return std::make_unique<SynonymReplacement>(file_of(options, where),
                                                        options.number("p"), where);
          }};
}

}  // namespace graft::texts
