#include "graft/data/split_long_texts.h"

#include "graft/base/error.h"
#include "graft/data/divide_samples.h"

namespace graft::data {
namespace {

/// The records that a record becomes.
std::vector<std::string> parts_of(const std::string& line, const texts::RecordEncoder& encoder) {
  // A token has a byte at least.
  if (static_cast<int64_t>(line.size()) <= encoder.preprocess().max_length) return {};
  try {
    const texts::Record record = texts::parse_record(line);
    if (record.shape != texts::Record::Shape::text) return {};
    const auto with = [&record](const std::string& text, bool last) {
      texts::Record part = record;
      part.value["text"] = text;
      if (!last) part.value["continues"] = true;
      return part;
    };
    const auto pieces = pieces_of(
        record.value.at("text").get<std::string>(),
        [&](const std::string& piece, bool last) { return !encoder.apply(with(piece, last)).cut; });
    std::vector<std::string> lines;
    for (size_t i = 0; i < pieces.size(); ++i)
      lines.push_back(with(pieces[i], i + 1 == pieces.size()).line());
    return lines;
  } catch (const Error& error) {
    // What is wrong with it is said where records are tokenized.
    if (error.code() != ErrorCode::unreadable) throw;
    return {};
  }
}

}  // namespace

void split_long_texts(Dataset& data, const texts::RecordEncoder& encoder, ThreadPool& pool) {
  divide_samples(
      data, [&](const Text& text) { return parts_of(text.first, encoder); },
      encoder.preprocess().max_length, pool);
}

void split_long_texts(Dataset& data, const texts::Preprocess& preprocess, ThreadPool& pool) {
  const auto around = static_cast<int64_t>(preprocess.apply("").ids.size());
  const auto fits = [&preprocess](const std::string& piece, bool /*last*/) {
    return !preprocess.apply(piece).cut;
  };
  divide_samples(
      data,
      [&](const Text& text) -> std::vector<std::string> {
        const auto most_tokens = static_cast<int64_t>(text.first.size()) + around;
        if (text.second || most_tokens <= preprocess.max_length) return {};
        return pieces_of(text.first, fits);
      },
      preprocess.max_length, pool);
}

}  // namespace graft::data
