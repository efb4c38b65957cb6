#include <algorithm>
#include <memory>
#include <utility>

#include "graft/base/error.h"
#include "graft/base/utf8.h"
#include "graft/data/format.h"
#include "graft/data/names.h"
#include "graft/data/text_file.h"
#include "graft/text/chat/record.h"

namespace graft::data::sources {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kPiece = 2000;  // bytes; some 500 tokens

bool is_document(const fs::path& path) {
  const std::string extension = extension_of(path.string());
  return extension == "txt" || extension == "md";
}

/// The documents below a folder, sorted. `others` counts files of other kinds, hidden ones and
/// those without an extension (LICENSE) aside.
std::vector<fs::path> documents_in(const fs::path& folder, size_t most, int64_t& others) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (fs::recursive_directory_iterator at(folder, failed), end; !failed && at != end;
       at.increment(failed)) {
    const fs::path& path = at->path();
    std::error_code unknown;
    const bool hidden = path.filename().string().starts_with('.');
    if (at->is_directory(unknown)) {
      if (hidden) at.disable_recursion_pending();
      continue;
    }
    if (hidden || !at->is_regular_file(unknown)) continue;
    if (is_document(path)) {
      found.push_back(path);
    } else if (!extension_of(path.string()).empty()) {
      ++others;
    }
    if (found.size() + static_cast<size_t>(others) >= most) break;
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// How much of `text` a piece of at most `most` bytes takes: up to the end of a paragraph, else of
/// a line, else of a word, each in the second half, else as much as there are whole characters.
size_t piece_length(std::string_view text, size_t most) {
  if (text.size() <= most) return text.size();
  for (const std::string_view border : {"\n\n", "\n", " "}) {
    const size_t at = text.rfind(border, most - border.size());
    if (at == std::string_view::npos || at + border.size() <= most / 2) continue;
    return at + border.size();
  }
  size_t end = most;
  while (end > 1 && !starts_character(text[end])) --end;
  return end;
}

/// Documents in pieces, which lie in one string.
class Documents {
 public:
  explicit Documents(size_t most) : most_(most) {}

  /// `prefix` stands before the names of its samples.
  void add(const std::string& text, const std::string& prefix) {
    const std::string_view whole = text;
    const size_t last = whole.find_last_not_of(" \t\r\n");
    if (last == std::string_view::npos) return;
    int64_t line = 1;
    const size_t begin = pieces_.size();
    for (size_t at = 0; at <= last;) {
      const size_t length = piece_length(whole.substr(at), most_);
      const std::string_view piece = whole.substr(at, length);
      if (!trimmed(piece).empty()) {
        pieces_.push_back({texts_.size(), static_cast<uint32_t>(length), true});
        texts_ += piece;
        listing_.samples.push_back({fmt::format("{}line:{}", prefix, line), {}});
      }
      line += std::count(piece.begin(), piece.end(), '\n');
      at += length;
    }
    if (pieces_.size() > begin) pieces_.back().continues = false;
    ++documents_;
  }

  std::vector<std::string>& notes() { return listing_.notes; }

  Listing finish(const std::string& where) {
    if (pieces_.empty()) fail_unreadable("{} holds no text", where);
    listing_.notes.push_back(
        fmt::format("{}: {} document(s) in {} piece(s) of at most {} bytes (data.columns.piece)",
                    where, grouped(documents_), grouped(static_cast<int64_t>(pieces_.size())),
                    grouped(static_cast<int64_t>(most_))));
    listing_.splits.assign(pieces_.size(), Split::none);
    listing_.target = Target::next_token;
    listing_.text =
        [all = std::make_shared<const std::string>(std::move(texts_)),
         pieces = std::make_shared<const std::vector<Piece>>(std::move(pieces_))](int64_t i) {
          const Piece& piece = (*pieces)[static_cast<size_t>(i)];
          texts::Record record;
          record.value["text"] = all->substr(piece.start, piece.length);
          if (piece.continues) record.value["continues"] = true;
          return Text{record.line(), std::nullopt};
        };
    return std::move(listing_);
  }

 private:
  struct Piece {
    uint64_t start;
    uint32_t length;
    bool continues;  // the document goes on behind it
  };

  size_t most_;
  std::string texts_;
  std::vector<Piece> pieces_;
  Listing listing_;
  int64_t documents_ = 0;
};

Listing open_text(const fs::path& path, const Options& options) {
  const std::string where = printable(path.string());
  Documents documents(static_cast<size_t>(options.integer("piece")));
  if (!fs::is_directory(path)) {
    documents.add(read_text_file(path, documents.notes()), "");
    return documents.finish(where);
  }
  int64_t others = 0;
  for (const fs::path& file : documents_in(path, SIZE_MAX, others)) {
    const std::string name = printable(fs::relative(file, path).generic_string());
    documents.add(read_text_file(file, documents.notes()), name + "/");
  }
  if (others > 0) {
    documents.notes().push_back(fmt::format(
        "{}: {} file(s) that are neither .txt nor .md are left out", where, grouped(others)));
  }
  return documents.finish(where);
}

}  // namespace

Format plain_text() {
  Format format;
  format.name = "plain-text";
  format.summary =
      "documents (.txt, .md), one or a folder of them, for language models to continue";
  format.source = "as GPT-2 was trained: documents, each with an end";
  format.content = Content::texts;
  format.options.push_back(
      integer("piece", kPiece,
              "bytes that a sample has at most; documents are cut at paragraphs or lines")
          .between(16, 16 << 20));
  format.detect = [](const fs::path& path) {
    std::error_code failed;
    if (!fs::is_directory(path, failed))
      return is_document(path) && fs::is_regular_file(path, failed);
    int64_t others = 0;
    constexpr size_t kSeen = 1000;
    return !documents_in(path, kSeen, others).empty() && others == 0;
  };
  format.open = open_text;
  return format;
}

}  // namespace graft::data::sources
