#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace graft::data {

/// What a field of an object holds. Lists are kept where they hold numbers only; null in them is
/// NaN.
struct JsonField {
  enum class Kind : uint8_t { absent, null, boolean, number, text, numbers, other };

  Kind kind = Kind::absent;
  bool boolean = false;
  double number = 0;  ///< of a whole number its value, too
  int64_t whole = 0;  ///< when `is_whole`
  bool is_whole = false;
  std::string text;
  std::vector<double> numbers;
};

/// A list of objects, of which some fields are wanted.
struct JsonList {
  std::string key;  ///< the field of the document that it is; "": the document itself is the list
  std::vector<std::string> fields;
  /// Called for each object; `fields` are in the order asked for. `index` counts from 0.
  std::function<void(int64_t index, const std::vector<JsonField>& fields)> take;
  bool found = false;  ///< set by the reader
};

/// Reads lists of objects out of a JSON file as they pass: files of annotations have hundreds of
/// megabytes, of which little is wanted. Of several lists each may stand anywhere in the document.
/// NaN and Infinity, which Python writes and JSON does not know, are read as null. Errors (exit
/// code 3): what is no JSON, deeper than 256, larger than 4 GiB; a list that is none, or holds
/// something else than objects.
void read_json_lists(const std::filesystem::path& path, std::vector<JsonList>& lists);

/// Whether the document begins like one that has lists of objects at one of `keys`. Looks at the
/// first MiB only, and never throws for damaged content.
bool begins_with_lists(const std::filesystem::path& path, const std::vector<std::string>& keys);

}  // namespace graft::data
