#pragma once

#include <functional>
#include <string>
#include <vector>

#include "graft/data/check.h"
#include "graft/text/chat/record_encoder.h"

namespace graft::data {

/// A record as a model gets it.
struct ShownRecord {
  Place place;
  int64_t tokens = 0, learned = 0;
  std::vector<texts::RecordPart> parts;
};

/// What a tokenizer and its chat template make of the records of a data set, and what is wrong with
/// that.
struct RecordReport {
  int64_t records = 0;
  int64_t tokens = 0, learned = 0;                            ///< of all records, after cutting
  int64_t min_tokens = 0, median_tokens = 0, max_tokens = 0;  ///< of a record, before cutting
  int64_t max_length = 0;                                     ///< tokens that a sample may have
  std::vector<ShownRecord> shown;                             ///< the first ones of train
  std::vector<Unreadable> refused;                            ///< by the template or the tokenizer
  std::vector<Place> nothing;  ///< no token is learned, or none is left after cutting
  std::vector<Place> cut;
  std::vector<Place> double_bos;
  std::vector<Place> no_end;       ///< a learned text is followed by no end that is learned
  std::vector<Place> end_added;    ///< the template lacks an end: eos_token was put there
  std::vector<Place> rewritten;    ///< the template shows earlier answers otherwise than the last
  std::vector<std::string> notes;  ///< of the encoder

  /// One sentence each for what should be mended before training.
  std::vector<std::string> problems() const;
  /// Lists are cut at CheckReport::kListed entries; "counts" has their whole lengths.
  Json json() const;
  /// For people. What is learned is green and what is not is dim where `colour` is set; else what
  /// is learned stands between ⟦ and ⟧.
  std::string text(bool colour, size_t examples = 5) const;
};

/// Encodes every record of the three splits; renders a conversation once more for each of its
/// answers. `shown`: how many are kept to look at.
RecordReport check_records(const Dataset& dataset, const texts::RecordEncoder& encoder, int threads,
                           size_t shown = 3,
                           const std::function<void(int64_t done, int64_t all)>& progress = {});

}  // namespace graft::data
