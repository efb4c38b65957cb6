#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graft/data/listing.h"

namespace graft::data {

/// Collects texts with their labels and makes a listing of them. All texts lie in one string, so
/// that millions of short ones cost little more than their bytes.
class TextRecords {
 public:
  /// `where` names the source in errors; `unit` counts records in ids and errors ("line").
  TextRecords(std::string where, std::string unit);

  /// Adds a record, the `number`th of its source. One whose texts are blank is left out and
  /// counted. `id` is "<unit>:<number>" when it is empty. `labels` need not be sorted.
  void add(int64_t number, std::string_view first, std::optional<std::string_view> second,
           const std::vector<std::string>& labels, Split split = Split::none,
           std::string_view id = {});
  /// The same of a first, a second and further texts (Text::negatives).
  void add(int64_t number, std::span<const std::string_view> texts,
           const std::vector<std::string>& labels, Split split = Split::none,
           std::string_view id = {});
  /// A class that records may lack.
  void add_class(const std::string& name);
  /// Says that records may have several labels or none.
  void allow_several() { several_ = true; }
  std::vector<std::string>& notes() { return listing_.notes; }

  /// Errors (exit code 3): no records, and a record without a label when none has several.
  Listing finish();

 private:
  /// All texts one after the other, where each ends, and which one each record begins with.
  struct Texts {
    std::string bytes;
    std::vector<uint64_t> ends, firsts;

    std::string text(uint64_t k) const;
    Text record(size_t i) const;
  };

  int number_of(const std::string& name);
  void name_classes();
  void read_values();

  std::string where_;
  std::string unit_;
  Texts texts_;
  Listing listing_;
  std::unordered_map<std::string, int> numbers_;  // of classes, in the order they were met
  std::vector<std::string> names_;
  std::vector<bool> used_;
  int64_t blank_ = 0;
  int64_t first_without_ = 0;
  bool several_ = false;
};

}  // namespace graft::data
