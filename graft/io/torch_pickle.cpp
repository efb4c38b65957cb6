#include "graft/io/torch_pickle.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/io/pickle.h"
#include "graft/io/tensor_bytes.h"
#include "graft/io/torch_objects.h"
#include "graft/io/zip_directory.h"

namespace graft::io {
namespace {

using Bytes = std::span<const uint8_t>;

constexpr std::string_view kLegacyMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
constexpr int64_t kLegacyProtocol = 1001;
/// What repeated elements (stride 0) may amount to, bytes: such a view costs nothing on disk.
constexpr int64_t kMaxRepeated = int64_t{64} << 20;

class TorchFile {
 public:
  TorchFile(Bytes bytes, const std::shared_ptr<const void>& owner, const std::string& where)
      : bytes_(bytes), owner_(owner), where_(where) {}

  TensorMap read() {
    if (is_zip(bytes_)) {
      read_zip();
    } else {
      read_legacy();
    }
    TensorMap map;
    for (const auto& tensor : objects_.tensors) map.add(tensor.name, make_tensor(tensor));
    return map;
  }

 private:
  [[noreturn]] void refuse(const std::string& problem) const {
    fail_unreadable("{}: {}", where_, problem);
  }

  static bool allow_none(std::string_view) { return false; }

  void read_zip() {
    const ZipEntries entries = read_zip_directory(bytes_, where_);
    const std::string root = zip_root(entries);
    if (entries.contains(root + "constants.pkl")) {
      refuse(
          "it is a TorchScript program, not a file of weights; load it in Python and save its "
          "state_dict()");
    }
    if (const auto order = find_entry(entries, root + "byteorder");
        order &&
        std::string_view(reinterpret_cast<const char*>(order->data()), order->size()) != "little") {
      refuse("its values are big-endian; save it again on a little-endian machine");
    }
    const Pickle pickle(*find_entry(entries, root + "data.pkl"), where_, is_torch_global);
    objects_ = find_torch_objects(pickle, where_);
    data_.resize(objects_.storages.size());
    for (size_t i = 0; i < data_.size(); ++i) {
      const auto& key = objects_.storages[i].key;
      const auto entry = find_entry(entries, fmt::format("{}data/{}", root, key));
      if (!entry) refuse("the storage '" + key + "' is missing");
      data_[i] = *entry;
      const auto bytes = storage_bytes(objects_.storages[i]);
      if (data_[i].size() != bytes) {
        refuse(fmt::format("the storage '{}' has {} bytes where {} are expected", key,
                           data_[i].size(), bytes));
      }
    }
  }

  std::optional<Bytes> find_entry(const ZipEntries& entries, const std::string& name) const {
    const auto place = entries.find(name);
    if (place == entries.end()) return std::nullopt;
    if (place->second.compressed) {
      refuse("its entry '" + name +
             "' is compressed, as torch.save never does; unpack it and zip " +
             "it again without compression (zip -0), or save it again");
    }
    return place->second.data;
  }

  /// "archive/", the folder that all entries lie in.
  std::string zip_root(const ZipEntries& entries) const {
    std::string root;
    for (const auto& [name, entry] : entries) {
      const size_t slash = name.find('/');
      if (slash == std::string::npos || name.substr(slash + 1) != "data.pkl") continue;
      if (!root.empty()) refuse("it holds two files data.pkl");
      root = name.substr(0, slash + 1);
    }
    if (root.empty()) refuse("it is a zip archive, but torch.save did not write it (no data.pkl)");
    return root;
  }

  /// Three small pickles, the object, the list of storage keys, then each storage with its length.
  void read_legacy() {
    if (!is_legacy()) {
      refuse("it is not a file that torch.save wrote, neither the zip form nor the legacy one");
    }
    const Pickle version = next_pickle(allow_none);
    if (version.root().kind != Pickle::Kind::integer || version.root().integer != kLegacyProtocol) {
      refuse(fmt::format("its legacy protocol is not {}", kLegacyProtocol));
    }
    check_byte_order(next_pickle(allow_none));
    objects_ = find_torch_objects(next_pickle(is_torch_global), where_);
    const Pickle keys = next_pickle(allow_none);
    if (keys.root().kind != Pickle::Kind::list) refuse("it has no list of storages");
    data_.resize(objects_.storages.size());
    std::vector<bool> seen(data_.size());
    for (const auto ref : keys.root().items) {
      const std::string key(keys[ref].text);
      const auto place = objects_.storage_by_key.find(key);
      if (place == objects_.storage_by_key.end() || seen[place->second]) {
        refuse("its list of storages does not agree with its tensors ('" + key + "')");
      }
      seen[place->second] = true;
      data_[place->second] = next_storage(objects_.storages[place->second]);
    }
    for (size_t i = 0; i < seen.size(); ++i) {
      if (!seen[i]) refuse("the storage '" + objects_.storages[i].key + "' is missing");
    }
  }

  bool is_legacy() {
    if (bytes_.size() < 2 || bytes_[0] != 0x80) return false;
    const Pickle magic = next_pickle(allow_none);
    return magic.root().kind == Pickle::Kind::bytes && magic.root().text == kLegacyMagic;
  }

  Pickle next_pickle(const Pickle::Allowed& allowed) {
    Pickle pickle(bytes_.subspan(at_), where_, allowed);
    at_ += pickle.length();
    return pickle;
  }

  void check_byte_order(const Pickle& system) const {
    const auto& items = system.root().items;
    if (system.root().kind != Pickle::Kind::dict) refuse("it does not say its byte order");
    for (size_t i = 0; i + 1 < items.size(); i += 2) {
      if (system[items[i]].text != "little_endian") continue;
      const auto& value = system[items[i + 1]];
      if (value.kind != Pickle::Kind::boolean || value.integer != 1) {
        refuse("its values are big-endian; save it again on a little-endian machine");
      }
    }
  }

  Bytes next_storage(const TorchStorage& storage) {
    int64_t elements = 0;
    if (bytes_.size() - at_ < sizeof elements) refuse("it is truncated before its last storage");
    std::memcpy(&elements, bytes_.data() + at_, sizeof elements);
    at_ += sizeof elements;
    if (elements != storage.elements) {
      refuse(fmt::format("the storage '{}' has {} elements where {} are expected", storage.key,
                         elements, storage.elements));
    }
    const size_t bytes = storage_bytes(storage);
    if (bytes > bytes_.size() - at_) {
      refuse(fmt::format("the storage '{}' of {} bytes ends past the end of the file", storage.key,
                         bytes));
    }
    const Bytes data = bytes_.subspan(at_, bytes);
    at_ += bytes;
    return data;
  }

  size_t storage_bytes(const TorchStorage& storage) const {
    const auto bytes = checked_bytes({storage.elements}, c10::elementSize(storage.dtype));
    if (!bytes) {
      refuse(fmt::format("the storage '{}' claims {} elements", storage.key, storage.elements));
    }
    return static_cast<size_t>(*bytes);
  }

  /// Reaches from `offset` to the last element; negative numbers and overflow are refused.
  void check_view(const TorchTensor& tensor) const {
    const size_t item = c10::elementSize(tensor.dtype);
    const auto elements = static_cast<int64_t>(data_[tensor.storage].size() / item);
    const auto bytes = checked_bytes(tensor.sizes, item);
    bool fits = bytes && tensor.sizes.size() == tensor.strides.size() && tensor.offset >= 0 &&
                tensor.offset <= elements;
    int64_t last = tensor.offset;
    for (size_t i = 0; fits && i < tensor.sizes.size(); ++i) {
      int64_t step = 0;
      fits = tensor.strides[i] >= 0 &&
             !__builtin_mul_overflow(std::max<int64_t>(tensor.sizes[i] - 1, 0), tensor.strides[i],
                                     &step) &&
             !__builtin_add_overflow(last, step, &last);
    }
    if (!fits || (*bytes > 0 && last >= elements)) {
      refuse(
          fmt::format("tensor '{}' (shape [{}], strides [{}], offset {}) does not lie inside its "
                      "storage of {} elements",
                      tensor.name, fmt::join(tensor.sizes, ", "), fmt::join(tensor.strides, ", "),
                      tensor.offset, elements));
    }
    if (*bytes > std::max<int64_t>(kMaxRepeated, elements * static_cast<int64_t>(item))) {
      refuse(fmt::format("tensor '{}' repeats {} elements to {} bytes; save a clone of it",
                         tensor.name, elements, *bytes));
    }
  }

  at::Tensor make_tensor(const TorchTensor& tensor) {
    check_view(tensor);
    const Bytes data = data_[tensor.storage];
    auto [place, added] = made_.try_emplace(tensor.storage);
    if (added) {
      const at::ScalarType type =
          objects_.storages[tensor.storage].dtype == at::kBool ? at::kBool : at::kByte;
      place->second = tensor_of_bytes(data, type, {static_cast<int64_t>(data.size())}, owner_);
    }
    return at::empty({0}, at::TensorOptions().dtype(tensor.dtype))
        .set_(place->second.storage(), tensor.offset, tensor.sizes, tensor.strides);
  }

  Bytes bytes_;
  const std::shared_ptr<const void>& owner_;
  const std::string& where_;
  size_t at_ = 0;
  TorchObjects objects_;
  std::vector<Bytes> data_;                      // of objects_.storages
  std::unordered_map<size_t, at::Tensor> made_;  // one tensor of bytes a storage
};

}  // namespace

TensorMap parse_torch_pickle(std::span<const uint8_t> bytes,
                             const std::shared_ptr<const void>& owner, const std::string& where) {
  return TorchFile(bytes, owner, where).read();
}

TensorMap read_torch_pickle(const std::filesystem::path& path) {
  const auto file = std::make_shared<MappedFile>(path);
  return parse_torch_pickle(file->bytes(), file, path.string());
}

}  // namespace graft::io
