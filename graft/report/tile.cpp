#include "graft/report/tile.h"

#include "graft/report/text.h"

namespace graft::report {

std::string tile(const std::string& picture, const std::string& words, const std::string& said,
                 const std::string& input) {
  std::string out = "<div class=\"tile\"><div class=\"pic\">";
  if (picture.empty()) {
    out += "<span class=\"words\">" + escape(shorten(words, 240)) + "</span></div>";
  } else {
    out += "<img alt=\"\" loading=\"lazy\" src=\"" + escape(picture) + "\"></div>";
  }
  out += said;
  if (!picture.empty()) {
    const size_t slash = input.find_last_of('/');
    const std::string file = slash == std::string::npos ? input : input.substr(slash + 1);
    out += "<p class=\"file\" title=\"" + escape(input) + "\">" + escape(file) + "</p>";
  }
  return out + "</div>";
}

std::string tiles(const std::string& all) {
  return all.empty() ? "" : "<div class=\"tiles\">" + all + "</div>";
}

}  // namespace graft::report
