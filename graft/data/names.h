#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace graft::data {

/// `raw` as valid UTF-8 without control characters: other bytes become \xNN. Names of files are
/// bytes; what is shown or written as JSON must be text.
std::string printable(std::string_view raw);

/// Length of the valid UTF-8 sequence that `text` (not empty) starts with, 0 when there is none
/// (RFC 3629).
size_t utf8_length(std::string_view text);

/// "jpg" of "a/B.JPG", "" without one.
std::string extension_of(std::string_view path);
/// True for .jpg .jpeg .jpe .jfif .png .webp.
bool has_image_extension(std::string_view path);

/// By bytes; when all are whole numbers, by value, so that class 10 comes after class 9.
void sort_names(std::vector<std::string>& names);
/// The same for tags of words: "O", which stands for none, comes first.
void sort_tags(std::vector<std::string>& tags);

/// "a, b, c and 4 more".
std::string join_some(const std::vector<std::string>& names, size_t most = 10);

/// 12345 as "12,345".
std::string grouped(int64_t number);

}  // namespace graft::data
