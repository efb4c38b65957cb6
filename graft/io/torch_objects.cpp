#include "graft/io/torch_objects.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include "graft/base/error.h"
#include "graft/io/tensor_bytes.h"

namespace graft::io {
namespace {

using Kind = Pickle::Kind;
using Node = Pickle::Node;
using NamedType = std::pair<std::string_view, at::ScalarType>;

constexpr int kMaxLevels = 8;  // of dicts around the state dict, and of wrappers around a tensor

constexpr std::array<NamedType, 14> kStorages{{
    {"torch.FloatStorage", at::kFloat},
    {"torch.DoubleStorage", at::kDouble},
    {"torch.HalfStorage", at::kHalf},
    {"torch.BFloat16Storage", at::kBFloat16},
    {"torch.LongStorage", at::kLong},
    {"torch.IntStorage", at::kInt},
    {"torch.ShortStorage", at::kShort},
    {"torch.CharStorage", at::kChar},
    {"torch.ByteStorage", at::kByte},
    {"torch.BoolStorage", at::kBool},
    {"torch.ComplexFloatStorage", at::kComplexFloat},
    {"torch.ComplexDoubleStorage", at::kComplexDouble},
    {"torch.UntypedStorage", at::kByte},
    {"torch.storage.UntypedStorage", at::kByte},
}};

constexpr std::array<NamedType, 20> kTypes{{
    {"torch.float32", at::kFloat},
    {"torch.float64", at::kDouble},
    {"torch.float16", at::kHalf},
    {"torch.bfloat16", at::kBFloat16},
    {"torch.int64", at::kLong},
    {"torch.int32", at::kInt},
    {"torch.int16", at::kShort},
    {"torch.int8", at::kChar},
    {"torch.uint8", at::kByte},
    {"torch.bool", at::kBool},
    {"torch.complex64", at::kComplexFloat},
    {"torch.complex128", at::kComplexDouble},
    {"torch.uint16", at::kUInt16},
    {"torch.uint32", at::kUInt32},
    {"torch.uint64", at::kUInt64},
    {"torch.float8_e4m3fn", at::kFloat8_e4m3fn},
    {"torch.float8_e5m2", at::kFloat8_e5m2},
    {"torch.float8_e4m3fnuz", at::kFloat8_e4m3fnuz},
    {"torch.float8_e5m2fnuz", at::kFloat8_e5m2fnuz},
    {"torch.float8_e8m0fnu", at::kFloat8_e8m0fnu},
}};

constexpr std::array<std::string_view, 7> kFunctions{
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch.Size",
};

/// Where training programs keep the weights, the usual first.
constexpr std::array<std::string_view, 15> kStateDictKeys{
    "state_dict", "model_state_dict", "model_state",    "model",    "module",  "net",
    "network",    "params",           "weights",        "backbone", "student", "ema",
    "model_ema",  "params_ema",       "state_dict_ema",
};

template <size_t n>
std::optional<at::ScalarType> type_in(const std::array<NamedType, n>& list, std::string_view name) {
  for (const auto& [text, type] : list) {
    if (text == name) return type;
  }
  return std::nullopt;
}

class Finder {
 public:
  Finder(const Pickle& pickle, const std::string& where) : pickle_(pickle), where_(where) {}

  TorchObjects find() {
    for (const auto& node : pickle_.nodes()) {
      if (node.kind == Kind::persistent) read_storage(node);
    }
    const Node& dict = state_dict();
    std::unordered_set<std::string_view> names;
    for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
      const Node& key = pickle_[dict.items[i]];
      const Node& value = pickle_[dict.items[i + 1]];
      if (key.kind != Kind::text || !is_tensor(value)) continue;
      if (!names.insert(key.text).second) {
        refuse("the tensor '" + std::string(key.text) + "' stands there twice");
      }
      objects_.tensors.push_back(read_tensor(std::string(key.text), value));
    }
    return std::move(objects_);
  }

 private:
  [[noreturn]] void refuse(const std::string& problem) const {
    fail_unreadable("{}: {}", where_, problem);
  }

  /// The global that a call node calls.
  std::string_view callee(const Node& call) const { return pickle_[call.items[0]].text; }
  const Node& argument(const Node& call, size_t i) const {
    const Node& arguments = pickle_[call.items[1]];
    if (i >= arguments.items.size()) refuse(std::string(callee(call)) + " lacks an argument");
    return pickle_[arguments.items[i]];
  }
  size_t argument_count(const Node& call) const { return pickle_[call.items[1]].items.size(); }

  bool is_tensor(const Node& node) const {
    return node.kind == Kind::call && callee(node).starts_with("torch._utils._rebuild_");
  }

  /// How many of a dict's values are tensors, and whether all are.
  std::pair<size_t, bool> count_tensors(const Node& dict) const {
    size_t tensors = 0;
    for (size_t i = 1; i < dict.items.size(); i += 2) tensors += is_tensor(pickle_[dict.items[i]]);
    return {tensors, tensors * 2 == dict.items.size()};
  }

  const Node& state_dict() const {
    const Node* node = &pickle_.root();
    if (node->kind != Kind::dict) {
      refuse("its top object is not a dict of tensors; save model.state_dict()");
    }
    for (int level = 0; level < kMaxLevels; ++level) {
      const auto [tensors, all] = count_tensors(*node);
      if (tensors > 0 && all) return *node;
      const Node* below = dict_under_known_key(*node);
      if (!below) return tensors > 0 ? *node : only_dict_of_tensors(*node);
      node = below;
    }
    refuse("its dicts are nested too deeply to hold a model");
  }

  const Node* dict_under_known_key(const Node& dict) const {
    for (const auto key : kStateDictKeys) {
      for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
        const Node& name = pickle_[dict.items[i]];
        const Node& value = pickle_[dict.items[i + 1]];
        if (name.kind == Kind::text && name.text == key && value.kind == Kind::dict) return &value;
      }
    }
    return nullptr;
  }

  const Node& only_dict_of_tensors(const Node& node) const {
    const Node* found = nullptr;
    std::string keys;
    for (size_t i = 0; i + 1 < node.items.size(); i += 2) {
      const Node& name = pickle_[node.items[i]];
      const Node& value = pickle_[node.items[i + 1]];
      if (name.kind == Kind::text && keys.size() < 200) {
        keys += (keys.empty() ? "" : ", ") + std::string(name.text.substr(0, 60));
      }
      if (value.kind != Kind::dict || count_tensors(value).first == 0) continue;
      if (found) refuse("several of its entries hold tensors (" + keys + "); save one state_dict");
      found = &value;
    }
    if (!found) refuse("it holds no dict of tensors; its entries: " + keys);
    return *found;
  }

  void read_storage(const Node& persistent) {
    const Node& id = pickle_[persistent.items[0]];
    const auto part = [&](size_t i) -> const Node& { return pickle_[id.items[i]]; };
    if (id.kind != Kind::tuple || id.items.size() < 5 || id.items.size() > 6 ||
        part(0).text != "storage" || part(1).kind != Kind::global || part(2).kind != Kind::text ||
        part(4).kind != Kind::integer) {
      refuse("it refers to something other than a tensor's storage; save model.state_dict()");
    }
    if (id.items.size() == 6 && part(5).kind != Kind::none) {
      refuse("it holds views of storages, as PyTorch before 0.4 wrote; save it again with a newer");
    }
    const auto type = type_in(kStorages, part(1).text);
    if (!type) refuse(std::string(part(1).text) + " is no kind of storage");
    TorchStorage storage{std::string(part(2).text), *type, part(4).integer};
    const auto [place, added] =
        objects_.storage_by_key.try_emplace(storage.key, objects_.storages.size());
    if (added) {
      objects_.storages.push_back(std::move(storage));
    } else if (const auto& known = objects_.storages[place->second];
               known.dtype != storage.dtype || known.elements != storage.elements) {
      refuse("it describes the storage '" + storage.key + "' in two ways");
    }
  }

  std::vector<int64_t> read_integers(const Node& node) const {
    const Node* list = &node;
    if (node.kind == Kind::call && callee(node) == "torch.Size") list = &argument(node, 0);
    if (list->kind != Kind::tuple && list->kind != Kind::list) refuse("a shape is not a tuple");
    if (list->items.size() > kMaxDimensions) refuse("a tensor has too many dimensions");
    std::vector<int64_t> values;
    for (const auto ref : list->items) {
      if (pickle_[ref].kind != Kind::integer) refuse("a shape holds something other than numbers");
      values.push_back(pickle_[ref].integer);
    }
    return values;
  }

  TorchTensor read_tensor(const std::string& name, const Node& node) const {
    const Node* call = &node;
    for (int level = 0; callee(*call).starts_with("torch._utils._rebuild_parameter"); ++level) {
      call = &argument(*call, 0);
      if (!is_tensor(*call) || level == kMaxLevels) refuse("parameter '" + name + "' is no tensor");
    }
    const std::string_view function = callee(*call);
    const bool typed = function == "torch._utils._rebuild_tensor_v3";
    const Node& persistent = argument(*call, 0);
    const Node& offset = argument(*call, 1);
    if (persistent.kind != Kind::persistent || offset.kind != Kind::integer) {
      refuse("tensor '" + name + "' is not made of a storage");
    }
    // Flags such as "conjugate this" stand behind the arguments that every version has.
    const size_t plain = function == "torch._utils._rebuild_tensor" ? 4 : typed ? 7 : 6;
    if (argument_count(*call) > plain) {
      const Node& flags = argument(*call, plain);
      const bool none =
          flags.kind == Kind::none || (flags.kind == Kind::dict && flags.items.empty());
      if (!none) refuse("tensor '" + name + "' is a conjugated or negated view; save a clone");
    }
    const std::string_view key = pickle_[pickle_[persistent.items[0]].items[2]].text;
    TorchTensor tensor;
    tensor.name = name;
    tensor.storage = objects_.storage_by_key.at(std::string(key));
    tensor.dtype = objects_.storages[tensor.storage].dtype;
    tensor.offset = offset.integer;
    tensor.sizes = read_integers(argument(*call, 2));
    tensor.strides = read_integers(argument(*call, 3));
    if (typed) {
      const Node& dtype = argument(*call, 6);
      const auto type = type_in(kTypes, dtype.kind == Kind::global ? dtype.text : "");
      // Booleans have a storage class of their own, which is where their bytes are checked.
      if (!type || *type == at::kBool) refuse("tensor '" + name + "' has an unknown type");
      tensor.dtype = *type;
    }
    return tensor;
  }

  const Pickle& pickle_;
  const std::string& where_;
  TorchObjects objects_;
};

}  // namespace

bool is_torch_global(std::string_view name) {
  return std::ranges::find(kFunctions, name) != kFunctions.end() || type_in(kStorages, name) ||
         type_in(kTypes, name);
}

TorchObjects find_torch_objects(const Pickle& pickle, const std::string& where) {
  return Finder(pickle, where).find();
}

}  // namespace graft::io
