#include "graft/io/gguf_tokenizer.h"

#include <optional>

#include "graft/base/error.h"
#include "graft/text/formats/gguf.h"

namespace graft::io {
namespace {

class Keys {
 public:
  Keys(const std::map<std::string, GgufValue>& all, const std::string& where)
      : all_(all), where_(where) {}

  /// The value of tokenizer.ggml.<name>, or null; of another type it is an error.
  template <typename T>
  const T* find(const std::string& name) const {
    const auto found = all_.find("tokenizer.ggml." + name);
    if (found == all_.end()) return nullptr;
    const T* value = std::get_if<T>(&found->second);
    if (value == nullptr)
      fail_unreadable("{}: tokenizer.ggml.{} is of an unexpected type", where_, name);
    return value;
  }
  template <typename T>
  T get(const std::string& name, const T& fallback = {}) const {
    const T* value = find<T>(name);
    return value == nullptr ? fallback : *value;
  }
  template <typename T>
  std::optional<T> maybe(const std::string& name) const {
    const T* value = find<T>(name);
    return value == nullptr ? std::nullopt : std::optional<T>(*value);
  }
  std::optional<uint32_t> id(const std::string& name) const {
    const auto value = maybe<uint64_t>(name + "_token_id");
    // 2^32 - 1 stands for "none".
    if (!value || *value >= UINT32_MAX) return std::nullopt;
    return static_cast<uint32_t>(*value);
  }

 private:
  const std::map<std::string, GgufValue>& all_;
  const std::string& where_;
};

}  // namespace

texts::Tokenizer gguf_tokenizer(const std::map<std::string, GgufValue>& metadata,
                                const std::string& where) {
  const Keys keys(metadata, where);
  texts::GgufVocabulary v;
  v.model = keys.get<std::string>("model");
  v.pre = keys.get<std::string>("pre", "default");
  v.tokens = keys.get<std::vector<std::string>>("tokens");
  for (const double score : keys.get<std::vector<double>>("scores"))
    v.scores.push_back(static_cast<float>(score));
  for (const int64_t type : keys.get<std::vector<int64_t>>("token_type"))
    v.types.push_back(static_cast<int>(type));
  v.merges = keys.get<std::vector<std::string>>("merges");
  for (const int64_t byte : keys.get<std::vector<int64_t>>("precompiled_charsmap"))
    v.charsmap.push_back(static_cast<char>(byte));
  v.bos = keys.id("bos");
  v.eos = keys.id("eos");
  v.unknown = keys.id("unknown");
  v.separator = keys.id("seperator");  // spelled like that in the files
  v.padding = keys.id("padding");
  v.cls = keys.id("cls");
  v.mask = keys.id("mask");
  v.add_bos = keys.maybe<bool>("add_bos_token");
  v.add_eos = keys.maybe<bool>("add_eos_token");
  v.space_prefix = keys.maybe<bool>("add_space_prefix");
  v.remove_extra_spaces = keys.maybe<bool>("remove_extra_whitespaces");
  return texts::Tokenizer(texts::parts_of_gguf(std::move(v), where));
}

texts::Tokenizer read_gguf_tokenizer(const std::filesystem::path& path) {
  return gguf_tokenizer(read_gguf_metadata(path), path.string());
}

}  // namespace graft::io
