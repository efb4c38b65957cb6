#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace graft::texts {

/// Texts by their bytes, for finding all that begin at a place.
class ByteTrie {
 public:
  struct Entry {
    std::string_view text;
    uint32_t value = 0;
  };
  /// Of equal texts the highest value counts; empty ones are left out.
  explicit ByteTrie(std::vector<Entry> entries = {});

  /// Calls `found(bytes, value)` for each text that `text` begins with, the shortest first.
  template <typename Found>
  void prefixes(std::string_view text, Found found) const {
    if (text.empty()) return;
    int32_t node = root_[static_cast<uint8_t>(text[0])];
    for (uint32_t at = 1; node >= 0; ++at) {
      if (nodes_[static_cast<size_t>(node)].value >= 0)
        found(at, static_cast<uint32_t>(nodes_[static_cast<size_t>(node)].value));
      if (at == text.size()) return;
      node = child(node, static_cast<uint8_t>(text[at]));
    }
  }
  /// Whether a text begins with this byte.
  bool begins(char byte) const { return root_[static_cast<uint8_t>(byte)] >= 0; }
  bool empty() const { return nodes_.empty(); }

 private:
  struct Node {
    uint32_t first = 0;  ///< child; children lie side by side, sorted by byte
    int32_t value = -1;
    uint16_t children = 0;
    uint8_t byte = 0;
  };

  int32_t child(int32_t node, uint8_t byte) const {
    const Node& parent = nodes_[static_cast<size_t>(node)];
    uint32_t low = parent.first;
    uint32_t high = low + parent.children;
    while (low < high) {
      const uint32_t middle = (low + high) / 2;
      if (nodes_[middle].byte < byte) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    const bool is = low < parent.first + parent.children && nodes_[low].byte == byte;
    return is ? static_cast<int32_t>(low) : -1;
  }

  std::array<int32_t, 256> root_{};
  std::vector<Node> nodes_;
};

}  // namespace graft::texts
