#include "graft/io/tfjs.h"

#include <ATen/ATen.h>

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/io/tensor_bytes.h"

namespace graft::io {
namespace {
namespace fs = std::filesystem;

constexpr std::array<std::pair<std::string_view, at::ScalarType>, 8> kTypes{{
    {"float32", at::kFloat},
    {"int32", at::kInt},
    {"bool", at::kBool},
    {"uint8", at::kByte},
    {"int8", at::kChar},
    {"int16", at::kShort},
    {"uint16", at::kUInt16},
    {"float16", at::kHalf},
}};

/// One weight of the manifest.
struct Weight {
  std::string name;
  std::vector<int64_t> shape;
  at::ScalarType type = at::kFloat;    ///< what it stands for
  at::ScalarType stored = at::kFloat;  ///< what the shard holds
  bool scaled = false;
  double scale = 1, min = 0;
  size_t bytes = 0;  ///< in the shard
};

class TfjsReader {
 public:
  TfjsReader(const fs::path& folder, MissingShards missing)
      : folder_(folder), missing_(missing), file_((folder / "model.json").string()) {}

  TfjsModel read() {
    Json root = read_json(file_);
    if (!root.is_object() || !root.contains("weightsManifest") ||
        !root["weightsManifest"].is_array()) {
      refuse("it has no list 'weightsManifest'; a tfjs layers or graph model is expected");
    }
    if (root.contains("modelTopology")) model_.topology = std::move(root["modelTopology"]);
    for (const auto& group : root["weightsManifest"]) read_group(group);
    return std::move(model_);
  }

 private:
  [[noreturn]] void refuse(const std::string& problem) const {
    fail_unreadable("{}: {}", file_, problem);
  }

  const Json& entry(const Json& object, const char* key, bool (Json::*is_type)() const noexcept,
                    const std::string& owner) const {
    const auto place = object.is_object() ? object.find(key) : object.end();
    if (place == object.end() || !((*place).*is_type)()) {
      refuse(fmt::format("{} has no valid '{}'", owner, key));
    }
    return *place;
  }

  at::ScalarType type_of(const Json& name, const std::string& owner) const {
    for (const auto& [text, type] : kTypes) {
      if (name == text) return type;
    }
    refuse(fmt::format("{} has the type {}, which is not a number type of tfjs", owner,
                       name.dump(-1, ' ', false, Json::error_handler_t::replace)));
  }

  Weight read_weight(const Json& record) const {
    Weight weight;
    weight.name = entry(record, "name", &Json::is_string, "a weight").get<std::string>();
    const std::string owner = "the weight '" + weight.name + "'";
    for (const auto& size : entry(record, "shape", &Json::is_array, owner)) {
      if (!size.is_number_integer() || size < 0) refuse(owner + " has a size that is no count");
      weight.shape.push_back(size.get<int64_t>());
    }
    weight.type = type_of(entry(record, "dtype", &Json::is_string, owner), owner);
    weight.stored = weight.type;
    if (record.contains("quantization")) read_quantization(record["quantization"], owner, weight);
    const auto bytes = checked_bytes(weight.shape, c10::elementSize(weight.stored));
    if (!bytes || !checked_bytes(weight.shape, sizeof(double))) {
      refuse(owner + " has an impossible shape");
    }
    weight.bytes = static_cast<size_t>(*bytes);
    return weight;
  }

  void read_quantization(const Json& record, const std::string& owner, Weight& weight) const {
    weight.stored = type_of(entry(record, "dtype", &Json::is_string, owner), owner);
    if (weight.stored == at::kHalf) return;
    if (weight.stored != at::kByte && weight.stored != at::kUInt16) {
      refuse(owner + " is quantised to a type other than uint8, uint16 and float16");
    }
    weight.scaled = true;
    weight.scale = entry(record, "scale", &Json::is_number, owner).get<double>();
    weight.min = entry(record, "min", &Json::is_number, owner).get<double>();
  }

  void read_group(const Json& group) {
    size_t expected = 0;
    std::vector<Weight> weights;
    for (const auto& record : entry(group, "weights", &Json::is_array, "a group of weights")) {
      weights.push_back(read_weight(record));
      if (__builtin_add_overflow(expected, weights.back().bytes, &expected)) {
        refuse("a group of weights has an impossible size");
      }
    }
    std::vector<fs::path> shards;
    size_t bytes = 0;
    for (const auto& path : entry(group, "paths", &Json::is_array, "a group of weights")) {
      if (!path.is_string()) refuse("a path of a shard is not a text");
      shards.push_back(join_inside(folder_, path.get<std::string>()));
      std::error_code absent;
      const auto length = fs::file_size(shards.back(), absent);
      if (absent && missing_ == MissingShards::report) {
        for (const auto& weight : weights) model_.missing.push_back(weight.name);
        return;
      }
      if (absent) {
        refuse(fmt::format("the shard {} is missing ({} weights, '{}' the first)",
                           shards.back().string(), weights.size(),
                           weights.empty() ? "" : weights.front().name));
      }
      bytes += length;
    }
    if (bytes != expected) {
      refuse(fmt::format("the shards of '{}' have {} bytes where the manifest adds up to {}",
                         weights.empty() ? "" : weights.front().name, bytes, expected));
    }
    std::string data;
    data.reserve(bytes);
    for (const auto& shard : shards) data += read_file(shard, bytes);
    if (data.size() != bytes) refuse("a shard changed while it was read");
    const std::span<const uint8_t> all(reinterpret_cast<const uint8_t*>(data.data()), data.size());
    size_t at = 0;
    for (const auto& weight : weights) {
      model_.weights.add(weight.name, make_tensor(weight, all.subspan(at, weight.bytes)));
      at += weight.bytes;
    }
  }

  static at::Tensor make_tensor(const Weight& weight, std::span<const uint8_t> bytes) {
    at::Tensor values = tensor_of_bytes(bytes, weight.stored, weight.shape, nullptr);
    if (!weight.scaled) return values.to(weight.type);
    values = values.to(at::kDouble).mul_(weight.scale).add_(weight.min);
    if (!c10::isFloatingType(weight.type)) values.round_();
    return values.to(weight.type);
  }

  fs::path folder_;
  MissingShards missing_;
  std::string file_;
  TfjsModel model_;
};

}  // namespace

TfjsModel read_tfjs(const fs::path& folder, MissingShards missing) {
  return TfjsReader(folder, missing).read();
}

}  // namespace graft::io
