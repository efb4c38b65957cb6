#include <algorithm>
#include <set>
#include <utility>

#include "graft/base/error.h"
#include "graft/data/conll_layout.h"
#include "graft/data/format.h"
#include "graft/data/names.h"
#include "graft/data/tagged_texts.h"
#include "graft/data/text_file.h"

namespace graft::data::sources {
namespace fs = std::filesystem;
namespace {

constexpr size_t kSeen = 2000;  // lines that say how a file is laid out

std::vector<std::string_view> lines_at_beginning(std::string_view text) {
  std::vector<std::string_view> lines;
  LineReader reader(text);
  for (std::string_view line; lines.size() < kSeen && reader.next(line);) lines.push_back(line);
  return lines;
}

class Sentences {
 public:
  Sentences(const fs::path& path, const Options& options)
      : where_(printable(path.string())), texts_(where_, "line") {
    text_ = read_text_file(path, texts_.notes());
    const auto layout = find_conll_layout(lines_at_beginning(text_));
    if (!layout) {
      fail_unreadable(
          "{} has no words in lines: expected a word and its tag a line, with a tab or blanks "
          "between, and an empty line between sentences",
          where_);
    }
    layout_ = *layout;
    strict_ = !options.is_set("word") || !options.is_set("tag");
    if (options.is_set("word")) layout_.word = column(options, "word");
    if (options.is_set("tag")) layout_.tag = column(options, "tag");
  }

  Listing open() {
    LineReader reader(text_);
    for (std::string_view line; reader.next(line);) add(line, reader.number());
    end_sentence();
    auto& notes = texts_.notes();
    if (layout_.width > 2) {
      notes.push_back(
          fmt::format("{}: words are column {}, tags column {} of {}{} (data.columns.word and "
                      "data.columns.tag choose others)",
                      where_, layout_.word + 1, layout_.tag + 1, layout_.width,
                      layout_.universal ? " of CoNLL-U" : ""));
    }
    if (wordless_ > 0) {
      notes.push_back(
          fmt::format("{}: {} line(s) without a word are left out", where_, grouped(wordless_)));
    }
    return texts_.finish();
  }

 private:
  size_t column(const Options& options, const char* key) const {
    const int64_t number = options.integer(key);
    if (number <= static_cast<int64_t>(layout_.width)) return static_cast<size_t>(number) - 1;
    fail_usage("data.columns.{} is {}, but {} has {} columns in line {}", key, number, where_,
               layout_.width, layout_.first_line);
  }

  void add(std::string_view line, int64_t number) {
    if (ends_sentence(line) || begins_document(line)) return end_sentence();
    if (words_.empty() && layout_.is_comment(line)) return;
    const ConllLayout::Cells cells = layout_.cells_of(line);
    if (layout_.numbered && layout_.is_repeated(cells)) return;
    check(cells, line, number);
    if (cells[layout_.word].empty()) {
      ++wordless_;
      return;
    }
    if (words_.empty()) begin_ = number;
    words_.emplace_back(cells[layout_.word]);
    tags_.emplace_back(cells[layout_.tag]);
  }

  void check(const ConllLayout::Cells& cells, std::string_view line, int64_t number) const {
    const bool fits = cells.size() == layout_.width ||
                      (!strict_ && cells.size() > std::max(layout_.word, layout_.tag));
    if (fits && !cells[layout_.tag].empty()) return;
    fail_unreadable(
        "{}, line {}: {}, expected {} columns as in line {}, got '{}'; every word needs a tag, and "
        "between sentences there is an empty line",
        where_, number, fits ? "the tag is empty" : fmt::format("{} column(s)", cells.size()),
        layout_.width, layout_.first_line, printable(line.substr(0, 60)));
  }

  void end_sentence() {
    if (!words_.empty()) texts_.add(begin_, words_, tags_);
    words_.clear();
    tags_.clear();
  }

  std::string where_;
  TaggedTexts texts_;
  std::string text_;
  ConllLayout layout_;
  bool strict_ = true;  // lines must have as many columns as the first
  std::vector<std::string> words_, tags_;
  int64_t begin_ = 0;
  int64_t wordless_ = 0;
};

bool is_conll(const fs::path& path) {
  static const std::set<std::string> own = {"conll", "conllu", "conllx", "iob",
                                            "iob2",  "bio",    "iobes",  "bioes"};
  static const std::set<std::string> others = {"csv", "json", "jsonl", "ndjson", "md", "parquet"};
  const std::string extension = extension_of(path.string());
  if (others.contains(extension) || has_image_extension(path.string())) return false;
  const auto lines = first_lines(path);
  const std::vector<std::string_view> views(lines.begin(), lines.end());
  return own.contains(extension) ? find_conll_layout(views).has_value() : looks_tagged(views);
}

}  // namespace

Format conll() {
  Format format;
  format.name = "conll";
  format.summary =
      "words and their tags, a line each, with an empty line between sentences: CoNLL-2003, "
      "CoNLL-U, WNUT, GermEval";
  format.source = "Tjong Kim Sang and De Meulder 2003, shared task of CoNLL-2003";
  format.content = Content::texts;
  format.reads_files = true;
  format.options = {
      integer("word", nullptr,
              "column of the words, from 1; default: the first, or the second where the first "
              "counts them")
          .at_least(1),
      integer("tag", nullptr,
              "column of the tags, from 1; default: the last, of CoNLL-U the fourth (UPOS)")
          .at_least(1)};
  format.detect = is_conll;
  format.open = [](const fs::path& path, const Options& options) {
    return Sentences(path, options).open();
  };
  return format;
}

}  // namespace graft::data::sources
