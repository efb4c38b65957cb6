#include "graft/io/safetensors.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/base/json.h"
#include "graft/base/options.h"
#include "graft/io/tensor_bytes.h"

namespace graft::io {

SafetensorsReader::SafetensorsReader(std::span<const uint8_t> bytes,
                                     std::shared_ptr<const void> owner, std::string where)
    : bytes_(bytes),
      owner_(std::move(owner)),
      where_(std::move(where)),
      header_(parse_safetensors_header(bytes_, where_)) {
  for (const auto& [name, info] : header_.tensors) {
    index_.emplace(name, names_.size());
    names_.push_back(name);
  }
}

SafetensorsReader::SafetensorsReader(const std::filesystem::path& path)
    : SafetensorsReader([&] {
        auto file = std::make_shared<MappedFile>(path);
        const auto bytes = file->bytes();
        return SafetensorsReader(bytes, std::move(file), path.string());
      }()) {}

const SafetensorsInfo& SafetensorsReader::info(const std::string& name) const {
  const auto place = index_.find(name);
  if (place == index_.end()) {
    fail_unreadable("{} holds no tensor '{}'{}", where_, name, did_you_mean(name, names_));
  }
  return header_.tensors[place->second].second;
}

at::Tensor SafetensorsReader::tensor(const std::string& name) const {
  const SafetensorsInfo& entry = info(name);
  return tensor_of_bytes(bytes_.subspan(entry.begin, entry.bytes), entry.dtype, entry.shape,
                         owner_);
}

TensorMap SafetensorsReader::views() const {
  TensorMap map;
  for (const auto& name : names_) {
    const SafetensorsInfo& entry = info(name);
    map.add(name, tensor_of_bytes(bytes_.subspan(entry.begin, entry.bytes), entry.dtype,
                                  entry.shape, owner_, c10::elementSize(entry.dtype)));
  }
  return map;
}

TensorMap SafetensorsReader::all() const {
  TensorMap map;
  for (const auto& name : names_) map.add(name, tensor(name));
  return map;
}

void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<const TensorMap::Item*> order;
  order.reserve(tensors.size());
  for (const auto& item : tensors) {
    if (!safetensors_type_name(item.second.scalar_type()) || item.first == "__metadata__") {
      fail_usage("cannot write {}: safetensors has no form for tensor '{}' of type {}",
                 path.string(), item.first, c10::toString(item.second.scalar_type()));
    }
    order.push_back(&item);
  }
  std::ranges::sort(order, [](const auto* a, const auto* b) {
    const int rank_a = safetensors_type_rank(a->second.scalar_type());
    const int rank_b = safetensors_type_rank(b->second.scalar_type());
    return rank_a != rank_b ? rank_a > rank_b : a->first < b->first;
  });

  // Written by hand: inserting thousands of keys into a JSON object that keeps their order is slow.
  std::string header = "{";
  const auto quoted = [&](const std::string& text) {
    try {
      return nlohmann::json(text).dump();
    } catch (const nlohmann::json::exception&) {
      fail_usage("cannot write {}: the name or metadata '{}' is not UTF-8", path.string(), text);
    }
  };
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) {
      header += (header.back() == '{' ? "" : ",") + quoted(key) + ":" + quoted(value);
    }
    header += '}';
  }
  size_t at = 0;
  for (const auto* item : order) {
    const at::Tensor& tensor = item->second;
    const size_t end = at + tensor.nbytes();
    header += fmt::format(R"({}{}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                          header.size() > 1 ? "," : "", quoted(item->first),
                          *safetensors_type_name(tensor.scalar_type()),
                          fmt::join(tensor.sizes().begin(), tensor.sizes().end(), ","), at, end);
    at = end;
  }
  header += '}';
  uint64_t length = header.size();
  length += (kAlignment - (length + sizeof length) % kAlignment) % kAlignment;
  header.resize(length, ' ');

  write_atomically(path, [&](const ByteSink& sink) {
    sink(&length, sizeof length);
    sink(header.data(), header.size());
    for (const auto* item : order) {
      const at::Tensor values =
          item->second.detach().to(at::kCPU).resolve_conj().resolve_neg().contiguous();
      if (values.nbytes() > 0) sink(values.const_data_ptr(), values.nbytes());
    }
  });
}

}  // namespace graft::io
