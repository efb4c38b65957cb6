#include "graft/report/lines.h"

#include <array>
#include <fstream>
#include <string_view>

namespace graft::report {
namespace {

constexpr size_t kChunk = size_t{64} << 10;

}  // namespace

LineCounts for_each_line(const std::filesystem::path& path, size_t max_line,
                         const std::function<bool(const std::string&, bool)>& use) {
  LineCounts counts;
  std::error_code ignored;
  // Opening a pipe or a device could block for ever.
  if (!std::filesystem::is_regular_file(path, ignored)) return counts;
  std::ifstream file(path, std::ios::binary);
  std::array<char, kChunk> chunk{};
  std::string line;
  bool skipping = false;
  bool more = true;
  while (more && file) {
    file.read(chunk.data(), chunk.size());
    std::string_view rest(chunk.data(), static_cast<size_t>(file.gcount()));
    while (more && !rest.empty()) {
      const size_t end = rest.find('\n');
      const std::string_view part = rest.substr(0, end);
      if (!skipping && line.size() + part.size() > max_line) {
        skipping = true;
        line.clear();
      }
      if (!skipping) line += part;
      if (end == std::string_view::npos) break;
      if (skipping) {
        ++counts.too_long;
      } else {
        ++counts.lines;
        more = use(line, true);
      }
      skipping = false;
      line.clear();
      rest.remove_prefix(end + 1);
    }
  }
  if (more && skipping) ++counts.too_long;
  if (more && !line.empty()) use(line, false);
  return counts;
}

}  // namespace graft::report
