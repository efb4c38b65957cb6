#include "graft/text/chat/jinja/text_operations.h"

#include <algorithm>
#include <limits>

#include "graft/text/chat/jinja/failure.h"
#include "graft/text/chat/jinja/unicode.h"

namespace graft::texts::jinja {
namespace {

size_t character_before(const std::string& bytes, size_t end) {
  size_t start = end - 1;
  while (start > 0 && end - start < 4 && (static_cast<unsigned char>(bytes[start]) & 0xC0) == 0x80)
    --start;
  return start + decode(bytes, start).bytes == end ? start : end - 1;
}

std::vector<Text> split_spaces(const Text& text, int64_t most) {
  std::vector<Text> parts;
  const std::string& bytes = text.str();
  size_t at = 0;
  const auto skip = [&](bool spaces) {
    while (at < bytes.size() && is_space(decode(bytes, at).value) == spaces)
      at += decode(bytes, at).bytes;
  };
  skip(true);
  while (at < bytes.size()) {
    if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
      parts.push_back(text.slice(at, bytes.size()));
      break;
    }
    const size_t begin = at;
    skip(false);
    parts.push_back(text.slice(begin, at));
    skip(true);
  }
  return parts;
}

std::vector<Text> split_spaces_right(const Text& text, int64_t most) {
  std::vector<Text> parts;
  const std::string& bytes = text.str();
  size_t end = bytes.size();
  const auto skip = [&](bool spaces) {
    while (end > 0) {
      const size_t start = character_before(bytes, end);
      if (is_space(decode(bytes, start).value) != spaces) break;
      end = start;
    }
  };
  skip(true);
  while (end > 0) {
    if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
      parts.push_back(text.slice(0, end));
      break;
    }
    const size_t stop = end;
    skip(false);
    parts.push_back(text.slice(end, stop));
    skip(true);
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

}  // namespace

Text strip(const Text& text, const std::optional<std::string>& characters, bool left, bool right) {
  const std::string& bytes = text.str();
  const auto goes = [&characters](char32_t c) {
    if (!characters) return is_space(c);
    for (size_t at = 0; at < characters->size();) {
      const CodePoint point = decode(*characters, at);
      if (point.value == c) return true;
      at += point.bytes;
    }
    return false;
  };
  size_t begin = 0, end = bytes.size();
  while (left && begin < end && goes(decode(bytes, begin).value))
    begin += decode(bytes, begin).bytes;
  while (right && end > begin) {
    const size_t start = character_before(bytes, end);
    if (!goes(decode(bytes, start).value)) break;
    end = start;
  }
  return text.slice(begin, end);
}

Text replace(Runtime& runtime, const Text& text, const std::string& old, const Text& with,
             int64_t most) {
  const std::string& bytes = text.str();
  Text out;
  const auto grow = [&](const Text& from, size_t begin, size_t end) {
    runtime.spend(end - begin + 1);
    if (out.size() + end - begin > runtime.limits().output_bytes)
      runtime.spend_text(out.size() + end - begin);
    out.append(from, begin, end);
  };
  if (old.empty()) {  // before every character and at the end
    for (size_t at = 0; at <= bytes.size();) {
      if (most-- != 0) grow(with, 0, with.size());
      if (at == bytes.size()) break;
      const size_t end = at + decode(bytes, at).bytes;
      grow(text, at, end);
      at = end;
    }
    return out;
  }
  size_t at = 0;
  while (most != 0) {
    const size_t found = bytes.find(old, at);
    if (found == std::string::npos) break;
    grow(text, at, found);
    grow(with, 0, with.size());
    at = found + old.size();
    --most;
  }
  grow(text, at, bytes.size());
  return out;
}

std::vector<Text> split(Runtime& runtime, const Text& text,
                        const std::optional<std::string>& separator, int64_t most,
                        bool from_right) {
  runtime.spend(text.size() * 2 + 1);
  if (!separator) return from_right ? split_spaces_right(text, most) : split_spaces(text, most);
  if (separator->empty()) fail_here("split: the separator is empty");
  const std::string& bytes = text.str();
  std::vector<Text> parts;
  if (from_right) {
    size_t end = bytes.size();
    while (most < 0 || static_cast<int64_t>(parts.size()) < most) {
      if (end < separator->size()) break;
      const size_t found = bytes.rfind(*separator, end - separator->size());
      if (found == std::string::npos) break;
      parts.push_back(text.slice(found + separator->size(), end));
      end = found;
    }
    parts.push_back(text.slice(0, end));
    std::reverse(parts.begin(), parts.end());
    return parts;
  }
  size_t at = 0;
  while (most < 0 || static_cast<int64_t>(parts.size()) < most) {
    const size_t found = bytes.find(*separator, at);
    if (found == std::string::npos) break;
    parts.push_back(text.slice(at, found));
    at = found + separator->size();
  }
  parts.push_back(text.slice(at, bytes.size()));
  return parts;
}

std::vector<Text> split_lines(Runtime& runtime, const Text& text, bool keep_ends) {
  runtime.spend(text.size() * 2 + 1);
  const std::string& bytes = text.str();
  const auto ends_line = [](char32_t c) {
    return (c >= 10 && c <= 13) || (c >= 28 && c <= 30) || c == 0x85 || c == 0x2028 || c == 0x2029;
  };
  std::vector<Text> lines;
  size_t begin = 0;
  for (size_t at = 0; at < bytes.size();) {
    const CodePoint point = decode(bytes, at);
    if (!ends_line(point.value)) {
      at += point.bytes;
      continue;
    }
    size_t next = at + point.bytes;
    if (point.value == '\r' && next < bytes.size() && bytes[next] == '\n') ++next;
    lines.push_back(text.slice(begin, keep_ends ? next : at));
    begin = at = next;
  }
  if (begin < bytes.size()) lines.push_back(text.slice(begin, bytes.size()));
  return lines;
}

Text join(Runtime& runtime, const Text& separator, const std::vector<Text>& parts) {
  Text out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out.append(separator);
    out.append(parts[i]);
    runtime.spend(separator.size() + parts[i].size() + 1);
    if (out.size() > runtime.limits().output_bytes) runtime.spend_text(out.size());
  }
  return out;
}

}  // namespace graft::texts::jinja
