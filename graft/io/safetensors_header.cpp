#include "graft/io/safetensors_header.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "graft/base/error.h"
#include "graft/base/json.h"
#include "graft/io/tensor_bytes.h"

namespace graft::io {
namespace {

constexpr uint64_t kMaxHeader = 100'000'000;

/// In the order of the reference implementation's enumeration, which is also its sorting key.
constexpr std::array<std::pair<std::string_view, at::ScalarType>, 17> kTypes{{
    {"BOOL", at::kBool},
    {"U8", at::kByte},
    {"I8", at::kChar},
    {"F8_E5M2", at::kFloat8_e5m2},
    {"F8_E4M3", at::kFloat8_e4m3fn},
    {"F8_E8M0", at::kFloat8_e8m0fnu},
    {"I16", at::kShort},
    {"U16", at::kUInt16},
    {"F16", at::kHalf},
    {"BF16", at::kBFloat16},
    {"I32", at::kInt},
    {"U32", at::kUInt32},
    {"F32", at::kFloat},
    {"C64", at::kComplexFloat},
    {"F64", at::kDouble},
    {"I64", at::kLong},
    {"U64", at::kUInt64},
}};

/// Takes the JSON as a stream of events: the schema is fixed, so nothing else is ever built.
class HeaderReader : public nlohmann::json_sax<Json> {
 public:
  explicit HeaderReader(SafetensorsHeader& header) : header_(header) {}

  const std::string& problem() const { return problem_; }

  bool start_object(std::size_t) override {
    if (level_ == 0) return enter();
    if (level_ == 1) {
      in_metadata_ = name_ == "__metadata__";
      info_ = {};
      has_type_ = has_shape_ = has_offsets_ = false;
      return enter();
    }
    return refuse("an object stands where the format has none");
  }

  bool end_object() override {
    --level_;
    if (level_ == 1 && !in_metadata_) {
      if (!has_type_ || !has_shape_ || !has_offsets_) {
        return refuse("tensor '" + name_ + "' lacks dtype, shape or data_offsets");
      }
      header_.tensors.emplace_back(name_, std::move(info_));
    }
    return true;
  }

  bool key(std::string& text) override {
    if (level_ == 1) {
      if (!names_.insert(text).second) return refuse("the name '" + text + "' stands there twice");
      name_ = text;
    } else if (in_metadata_) {
      if (header_.metadata.contains(text)) return refuse("metadata key '" + text + "' twice");
      field_ = text;
    } else {
      field_ = text;
      bool* seen = field_ == "dtype"          ? &has_type_
                   : field_ == "shape"        ? &has_shape_
                   : field_ == "data_offsets" ? &has_offsets_
                                              : nullptr;
      if (!seen) return refuse("tensor '" + name_ + "' has an unknown field '" + field_ + "'");
      if (*seen) return refuse("tensor '" + name_ + "' has the field '" + field_ + "' twice");
      *seen = true;
    }
    return true;
  }

  bool string(std::string& text) override {
    if (level_ == 2 && in_metadata_) {
      header_.metadata[field_] = text;
      return true;
    }
    if (level_ != 2 || in_array_ || field_ != "dtype") return refuse("a text where none belongs");
    const auto type = safetensors_type(text);
    if (!type) return refuse("tensor '" + name_ + "' has the unknown type '" + text + "'");
    info_.dtype = *type;
    return true;
  }

  bool start_array(std::size_t) override {
    if (level_ != 2 || in_metadata_ || in_array_ || field_ == "dtype") {
      return refuse("a list where none belongs");
    }
    in_array_ = true;
    offsets_.clear();
    return true;
  }

  bool end_array() override {
    in_array_ = false;
    if (field_ == "data_offsets") {
      if (offsets_.size() != 2) return refuse("tensor '" + name_ + "' must have two offsets");
      if (offsets_[0] > offsets_[1]) return refuse("tensor '" + name_ + "' ends before it begins");
      info_.begin = offsets_[0];
      info_.bytes = offsets_[1] - offsets_[0];
    }
    return true;
  }

  bool number_unsigned(std::uint64_t value) override {
    if (!in_array_) return refuse("a number where none belongs");
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return refuse("tensor '" + name_ + "' has a number that is too large");
    }
    if (field_ == "shape") {
      if (info_.shape.size() == kMaxDimensions) {
        return refuse("tensor '" + name_ + "' has too many dimensions");
      }
      info_.shape.push_back(static_cast<int64_t>(value));
    } else {
      if (offsets_.size() == 2) return refuse("tensor '" + name_ + "' must have two offsets");
      offsets_.push_back(value);
    }
    return true;
  }

  bool number_integer(std::int64_t) override {
    return refuse("tensor '" + name_ + "' has a negative size or offset");
  }
  bool number_float(double, const std::string& text) override {
    return refuse("the number " + text + ", where whole numbers below 2^63 are expected");
  }
  bool null() override { return refuse("null where the format has none"); }
  bool boolean(bool) override { return refuse("a boolean where the format has none"); }
  bool binary(Json::binary_t&) override { return refuse("binary data"); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return refuse("invalid JSON near byte " + std::to_string(position));
  }

 private:
  bool enter() { return ++level_, true; }
  bool refuse(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  SafetensorsHeader& header_;
  std::unordered_set<std::string> names_;
  std::string problem_, name_, field_;
  SafetensorsInfo info_;
  std::vector<uint64_t> offsets_;
  int level_ = 0;
  bool in_array_ = false, in_metadata_ = false;
  bool has_type_ = false, has_shape_ = false, has_offsets_ = false;
};

}  // namespace

std::optional<at::ScalarType> safetensors_type(std::string_view name) {
  for (const auto& [text, type] : kTypes) {
    if (text == name) return type;
  }
  return std::nullopt;
}

std::optional<std::string_view> safetensors_type_name(at::ScalarType type) {
  for (const auto& [text, known] : kTypes) {
    if (known == type) return text;
  }
  return std::nullopt;
}

int safetensors_type_rank(at::ScalarType type) {
  for (size_t i = 0; i < kTypes.size(); ++i) {
    if (kTypes[i].second == type) return static_cast<int>(i);
  }
  return -1;
}

SafetensorsHeader parse_safetensors_header(std::span<const uint8_t> file,
                                           const std::string& where) {
  const auto refuse = [&](const std::string& problem) {
    fail_unreadable("{} is not a valid safetensors file: {}; get the file again", where, problem);
  };
  uint64_t length = 0;
  if (file.size() < sizeof length) refuse(fmt::format("it has only {} bytes", file.size()));
  std::memcpy(&length, file.data(), sizeof length);
  if (length > kMaxHeader) {
    refuse(fmt::format("the header claims {} bytes, {} are allowed", length, kMaxHeader));
  }
  if (length > file.size() - sizeof length) {
    refuse(fmt::format("the header claims {} bytes, the file has {}", length, file.size()));
  }
  const auto* text = reinterpret_cast<const char*>(file.data()) + sizeof length;
  if (length == 0 || *text != '{') refuse("the header does not begin with '{'");
  // The JSON lexer would take a zero byte for the end and ignore what follows.
  if (std::memchr(text, 0, length)) refuse("the header holds a zero byte");

  SafetensorsHeader header;
  HeaderReader reader(header);
  if (!nlohmann::json::sax_parse(text, text + length, &reader)) refuse(reader.problem());

  std::ranges::stable_sort(header.tensors, {}, [](const auto& item) {
    return std::pair(item.second.begin, item.second.begin + item.second.bytes);
  });
  const size_t data_begin = sizeof length + length;
  const size_t data_bytes = file.size() - data_begin;
  size_t at = 0;
  for (auto& [name, info] : header.tensors) {
    const auto bytes = checked_bytes(info.shape, c10::elementSize(info.dtype));
    if (!bytes || static_cast<size_t>(*bytes) != info.bytes) {
      refuse(fmt::format("the shape of tensor '{}' does not fit its {} bytes", name, info.bytes));
    }
    if (info.begin != at) {
      refuse(fmt::format("tensor '{}' begins at {} where {} is expected ({})", name, info.begin, at,
                         info.begin < at ? "it overlaps another" : "there is a hole"));
    }
    if (info.bytes > data_bytes - at) {
      refuse(fmt::format("tensor '{}' ends {} bytes past the end of the file: it is truncated",
                         name, info.bytes - (data_bytes - at)));
    }
    at += info.bytes;
    info.begin += data_begin;
  }
  if (at != data_bytes) {
    refuse(fmt::format("{} bytes after the last tensor belong to none", data_bytes - at));
  }
  return header;
}

}  // namespace graft::io
