#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace graft::io {

/// What a pickle says, as plain data. Nothing named in it is ever looked up or run: a class or
/// function stays a name, and calling it stays a record of the call.
class Pickle {
 public:
  using Ref = uint32_t;  ///< the place of a node; a pickle may refer to one node many times

  enum class Kind : uint8_t {
    none,
    boolean,     ///< integer
    integer,     ///< integer; longer ones are bytes
    real,        ///< real
    text,        ///< text
    bytes,       ///< text
    tuple,       ///< items
    list,        ///< items
    dict,        ///< items: key, value, key, value, …; OrderedDict too
    global,      ///< text: "torch.FloatStorage"
    call,        ///< items: the global and its tuple of arguments
    persistent,  ///< items: the identifier
  };

  struct Node {
    Kind kind = Kind::none;
    union {
      int64_t integer = 0;
      double real;
    };
    std::string_view text;
    std::vector<Ref> items;
  };

  /// Says whether a global ("module.name") may appear.
  using Allowed = std::function<bool(std::string_view)>;

  /// Reads one pickle from the front of `bytes` (protocol 2 to 5, the opcodes that torch.save
  /// writes), which must outlive the object. Refused (exit code 3, `where` names the file): other
  /// opcodes, globals that are not `allowed` (named in the message), and more than 4 Mi values.
  Pickle(std::span<const uint8_t> bytes, const std::string& where, const Allowed& allowed);

  const Node& root() const { return nodes_[root_]; }
  const Node& operator[](Ref ref) const { return nodes_[ref]; }
  const std::vector<Node>& nodes() const { return nodes_; }
  /// Length of the pickle; another may follow.
  size_t length() const { return length_; }

 private:
  friend class PickleReader;

  std::vector<Node> nodes_;
  std::deque<std::string> names_;  // of the globals; a deque because nodes point at them
  Ref root_ = 0;
  size_t length_ = 0;
};

}  // namespace graft::io
