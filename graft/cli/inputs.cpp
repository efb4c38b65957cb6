#include "graft/cli/inputs.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <set>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/data/format.h"
#include "graft/data/names.h"
#include "graft/data/text_file.h"
#include "graft/text/chat/record.h"

namespace graft::cli {
namespace fs = std::filesystem;
namespace {

bool is_picture(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png" || ending == ".webp";
}

}  // namespace

std::vector<fs::path> picture_files(const std::vector<std::string>& words) {
  std::vector<fs::path> files;
  std::set<std::string> seen;
  const auto add = [&](const fs::path& file) {
    if (seen.insert(file.string()).second) files.push_back(file);
  };
  for (const auto& word : words) {
    if (fs::is_directory(word)) {
      std::vector<fs::path> inside;
      for (const auto& entry : fs::recursive_directory_iterator(word)) {
        if (entry.is_regular_file() && is_picture(entry.path())) inside.push_back(entry.path());
      }
      if (inside.empty()) fail_unreadable("{} holds no .jpg, .png or .webp file", word);
      std::sort(inside.begin(), inside.end());
      for (const auto& file : inside) add(file);
    } else if (fs::exists(word)) {
      add(word);
    } else {
      const auto found = glob_files(word);
      if (found.empty()) fail_unreadable("there is no file, folder or match for {}", word);
      for (const auto& file : found) add(file);
    }
  }
  return files;
}

namespace {

/// Whether something holds samples of a data set, and not a text a line.
bool holds_samples(const fs::path& path) {
  if (fs::is_directory(path)) return true;
  if (!fs::is_regular_file(path)) return false;  // what may be read once only is read as it comes
  const data::Format* format = data::find_format(path, nullptr);
  return format && format->name != "plain-text";
}

/// The lines of what is decoded as data are (docs/data.md).
void add_lines(const std::string& text, const std::string& name, std::vector<NamedText>& texts) {
  data::LineReader lines(text);
  std::string_view line;
  while (lines.next(line)) {
    if (line.empty()) continue;
    texts.push_back({fmt::format("{}:{}", name, lines.number()), {std::string(line), {}}});
  }
}

void add_file(std::istream& file, const std::string& name, std::vector<NamedText>& texts) {
  std::vector<std::string> notes;
  const std::string text =
      data::text_of({std::istreambuf_iterator<char>(file), {}}, data::printable(name), notes);
  for (const std::string& note : notes) std::cerr << "graft: note: " << note << "\n";
  add_lines(text, name, texts);
}

}  // namespace

std::vector<NamedText> named_texts(const std::vector<std::string>& words, const Json& columns) {
  std::vector<NamedText> texts;
  for (const auto& word : words) {
    if (word == "-") {
      add_file(std::cin, "-", texts);
      continue;
    }
    if (!fs::exists(word)) {
      fail_unreadable("there is no file {}; to classify the words themselves give --text \"{}\"",
                      word, word);
    }
    if (holds_samples(word)) {
      const data::Listing listing = data::open_questions(word, columns);
      if (!listing.text) fail_unreadable("{} holds pictures, the model reads texts", word);
      for (size_t i = 0; i < listing.samples.size(); ++i) {
        data::Text text = listing.text(static_cast<int64_t>(i));
        // What has no label is read as a record, which keeps more than its words.
        if (listing.target == Target::next_token)
          text.first = texts::record_words(texts::parse_record(text.first));
        texts.push_back({listing.samples[i].id, std::move(text)});
      }
      continue;
    }
    std::ifstream file(word, std::ios::binary);
    if (!file) fail_unreadable("{} cannot be read", word);
    add_file(file, word, texts);
  }
  return texts;
}

}  // namespace graft::cli
