#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace graft::texts::jinja {

/// Where characters came from.
struct Origin {
  int32_t message = -1;  ///< index of the message they stood in; -1: not from a message
  int32_t during = -1;   ///< index of the message that was being handled when they were written
  uint16_t field = 0;    ///< number of the field or variable in Fields; 0: the template's own text
  bool generated = false;  ///< written inside {% generation %}

  bool operator==(const Origin&) const = default;
};

/// Text of which every character knows its origin. Concatenation, slices and whatever is built of
/// those keep it, so a rendered conversation says what came from which message.
class Text {
 public:
  struct Run {
    size_t end;  ///< byte after the last
    Origin origin;
  };

  Text() = default;
  explicit Text(std::string_view bytes, Origin origin = {}) { append(bytes, origin); }

  const std::string& str() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  const std::vector<Run>& runs() const { return runs_; }

  void append(std::string_view bytes, Origin origin);
  void append(const Text& other);
  /// Bytes [begin, end) of `other`.
  void append(const Text& other, size_t begin, size_t end);
  Text slice(size_t begin, size_t end) const;
  /// Origin of the byte at `at`; of the last one when `at` is the end; none when empty.
  Origin origin_at(size_t at) const;

  /// Marked by the filters `safe` and `escape`: `+` escapes for HTML what is added to such a text,
  /// even where nothing else is escaped. Slices inherit it.
  bool markup = false;

  /// Calls `change(origin)` for every run.
  template <typename Change>
  void change_origins(Change change) {
    for (Run& run : runs_) change(run.origin);
  }

 private:
  std::string bytes_;
  std::vector<Run> runs_;  ///< ascending, covering all bytes; neighbours may have equal origins
};

}  // namespace graft::texts::jinja
