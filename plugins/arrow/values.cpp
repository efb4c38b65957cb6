#include "plugins/arrow/values.h"

#include <arrow/array.h>
#include <arrow/extension_type.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/util/utf8.h>

#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace graft::arrow_plugin {
namespace {

template <typename Array>
const Array& as(const arrow::Array& array) {
  return static_cast<const Array&>(array);
}

Json bytes(std::string_view view) {
  return Json::binary(Json::binary_t::container_type(view.begin(), view.end()));
}

template <typename Number>
Json integer(Number value, const Feature& feature) {
  const auto& names = feature.names();
  if (names.empty()) return value;
  if (std::cmp_less(value, 0)) return nullptr;  // -1 stands for no class
  if (std::cmp_less(value, names.size())) return names[static_cast<size_t>(value)];
  throw std::runtime_error("it has the class " + std::to_string(value) + ", but names only " +
                           std::to_string(names.size()) + " classes");
}

Json number(double value) {
  return std::isnan(value) ? Json() : Json(value);
}

/// By the shortest digits that are this number: 0.1, not the double that lies nearest to it.
Json number(float value) {
  if (!std::isfinite(value)) return number(static_cast<double>(value));
  std::array<char, 32> digits{};
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  double read = 0;
  std::from_chars(digits.data(), written.ptr, read);
  return read;
}

template <typename Array>
Json list(const arrow::Array& array, int64_t i, const Feature& feature) {
  const auto& lists = as<Array>(array);
  const arrow::Array& items = *lists.values();
  Json result = Json::array();
  const int64_t begin = lists.value_offset(i);
  for (int64_t k = begin; k < begin + lists.value_length(i); ++k)
    result.push_back(value_at(items, k, feature.item()));
  return result;
}

/// Structs have all members that any of them has: of those that one lacks nothing was said.
Json object(const arrow::StructArray& structs, int64_t i, const Feature& feature) {
  Json result = Json::object();
  for (int k = 0; k < structs.num_fields(); ++k) {
    const std::string& name = structs.struct_type()->field(k)->name();
    Json value = value_at(*structs.field(k), i, feature.field(name));
    if (!value.is_null()) result[name] = std::move(value);
  }
  return result;
}

Json map(const arrow::MapArray& maps, int64_t i) {
  Json result = Json::object();
  const int64_t begin = maps.value_offset(i);
  for (int64_t k = begin; k < begin + maps.value_length(i); ++k) {
    const Json key = value_at(*maps.keys(), k, {});
    const std::string name = key.is_string() ? key.get<std::string>() : key.dump();
    if (!arrow::util::ValidateUTF8(name)) throw std::runtime_error("a map has a key not in UTF-8");
    result[name] = value_at(*maps.items(), k, {});
  }
  return result;
}

/// Times, decimals and what else has no form in JSON.
Json written(const arrow::Array& array, int64_t i) {
  const auto scalar = array.GetScalar(i);
  if (!scalar.ok()) throw std::runtime_error(scalar.status().message());
  return (*scalar)->ToString();
}

}  // namespace

Json value_at(const arrow::Array& array, int64_t i, const Feature& feature) {
  using Type = arrow::Type;
  if (array.IsNull(i)) return nullptr;
  switch (array.type_id()) {
    case Type::NA:
      return nullptr;
    case Type::BOOL:
      return as<arrow::BooleanArray>(array).Value(i);
    case Type::INT8:
      return integer(as<arrow::Int8Array>(array).Value(i), feature);
    case Type::INT16:
      return integer(as<arrow::Int16Array>(array).Value(i), feature);
    case Type::INT32:
      return integer(as<arrow::Int32Array>(array).Value(i), feature);
    case Type::INT64:
      return integer(as<arrow::Int64Array>(array).Value(i), feature);
    case Type::UINT8:
      return integer(as<arrow::UInt8Array>(array).Value(i), feature);
    case Type::UINT16:
      return integer(as<arrow::UInt16Array>(array).Value(i), feature);
    case Type::UINT32:
      return integer(as<arrow::UInt32Array>(array).Value(i), feature);
    case Type::UINT64:
      return integer(as<arrow::UInt64Array>(array).Value(i), feature);
    case Type::FLOAT:
      return number(as<arrow::FloatArray>(array).Value(i));
    case Type::DOUBLE:
      return number(as<arrow::DoubleArray>(array).Value(i));
    case Type::STRING:
      return as<arrow::StringArray>(array).GetView(i);
    case Type::LARGE_STRING:
      return as<arrow::LargeStringArray>(array).GetView(i);
    case Type::STRING_VIEW:
      return as<arrow::StringViewArray>(array).GetView(i);
    case Type::BINARY:
      return bytes(as<arrow::BinaryArray>(array).GetView(i));
    case Type::LARGE_BINARY:
      return bytes(as<arrow::LargeBinaryArray>(array).GetView(i));
    case Type::BINARY_VIEW:
      return bytes(as<arrow::BinaryViewArray>(array).GetView(i));
    case Type::FIXED_SIZE_BINARY:
      return bytes(as<arrow::FixedSizeBinaryArray>(array).GetView(i));
    case Type::LIST:
      return list<arrow::ListArray>(array, i, feature);
    case Type::LARGE_LIST:
      return list<arrow::LargeListArray>(array, i, feature);
    case Type::FIXED_SIZE_LIST:
      return list<arrow::FixedSizeListArray>(array, i, feature);
    case Type::STRUCT:
      return object(as<arrow::StructArray>(array), i, feature);
    case Type::MAP:
      return map(as<arrow::MapArray>(array), i);
    case Type::DICTIONARY: {
      const auto& coded = as<arrow::DictionaryArray>(array);
      return value_at(*coded.dictionary(), coded.GetValueIndex(i), feature);
    }
    case Type::EXTENSION:
      return value_at(*as<arrow::ExtensionArray>(array).storage(), i, feature);
    default:
      return written(array, i);
  }
}

}  // namespace graft::arrow_plugin
