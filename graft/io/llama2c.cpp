#include "graft/io/llama2c.h"

#include <torch/types.h>

#include <algorithm>
#include <cstring>
#include <tuple>
#include <unordered_map>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/base/json.h"
#include "graft/base/utf8.h"

namespace graft::io {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kNumbers = 7;
constexpr int64_t kHeaderBytes = kNumbers * 4;

/// Sizes of the header, and the floats that must follow; nothing where they cannot be.
struct Header {
  int64_t width, inner, layers, heads, kv_heads, vocabulary, positions;
  bool tied;

  int64_t head_width() const { return width / heads; }
  int64_t floats() const {
    const int64_t kv = head_width() * kv_heads;
    const int64_t layer = 2 * width + 2 * width * width + 2 * kv * width + 3 * inner * width;
    return vocabulary * width * (tied ? 1 : 2) + layers * layer + width + positions * head_width();
  }
};

std::optional<Header> header_of(const MappedFile& file) {
  if (static_cast<int64_t>(file.bytes().size()) < kHeaderBytes) return std::nullopt;
  int32_t n[kNumbers];
  std::memcpy(n, file.bytes().data(), sizeof n);
  const Header h{n[0], n[1],    n[2], n[3], n[4], std::abs(static_cast<int64_t>(n[5])),
                 n[6], n[5] > 0};
  const auto within = [](int64_t value, int64_t most) { return value >= 1 && value <= most; };
  const bool good = within(h.width, 65536) && within(h.inner, 262144) && within(h.layers, 1000) &&
                    within(h.heads, h.width) && within(h.kv_heads, h.heads) &&
                    within(h.vocabulary, 1 << 20) && within(h.positions, 1 << 20) &&
                    h.width % h.heads == 0 && h.heads % h.kv_heads == 0 && h.head_width() % 2 == 0;
  if (!good) return std::nullopt;
  if (kHeaderBytes + 4 * h.floats() != static_cast<int64_t>(file.bytes().size()))
    return std::nullopt;
  return h;
}

/// Takes matrices off the file one after the other.
class Floats {
 public:
  explicit Floats(const uint8_t* at) : at_(at) {}
  at::Tensor take(const std::vector<int64_t>& shape) {
    at::Tensor t = at::empty(shape, at::kFloat);
    std::memcpy(t.data_ptr<float>(), at_, t.nbytes());
    at_ += t.nbytes();
    return t;
  }

 private:
  const uint8_t* at_;
};

/// Rows of pairs that rotate against each other → rows of halves that do.
at::Tensor halves(const at::Tensor& weight, int64_t heads) {
  const int64_t rows = weight.size(0);
  return weight.view({heads, rows / heads / 2, 2, weight.size(1)})
      .transpose(1, 2)
      .reshape({rows, weight.size(1)});
}

std::string with_marks(const std::string& piece) {
  std::string text;
  for (const char c : piece) text += c == ' ' ? std::string("\u2581") : std::string(1, c);
  return text;
}

/// Where its characters end, the end of the text included.
std::vector<size_t> borders(const std::string& text) {
  std::vector<size_t> ends;
  for (size_t i = 1; i <= text.size(); ++i) {
    if (i == text.size() || starts_character(text[i])) ends.push_back(i);
  }
  return ends;
}

}  // namespace

bool is_llama2c(const fs::path& file) {
  return fs::is_regular_file(file) && header_of(MappedFile(file)).has_value();
}

Llama2c read_llama2c(const fs::path& path) {
  const MappedFile file(path);
  const std::optional<Header> h = header_of(file);
  if (!h) {
    fail_unreadable(
        "{}: not a model of llama2.c (version 0): its seven numbers do not fit the file's length",
        path.string());
  }
  Llama2c model{h->width,      h->inner,     h->layers, h->heads, h->kv_heads,
                h->vocabulary, h->positions, h->tied,   {}};
  const int64_t d = h->width;
  const int64_t kv = h->head_width() * h->kv_heads;
  Floats floats(file.bytes().data() + kHeaderBytes);
  const at::Tensor words = floats.take({h->vocabulary, d});
  const at::Tensor first_norms = floats.take({h->layers, d});
  const at::Tensor q = floats.take({h->layers, d, d});
  const at::Tensor k = floats.take({h->layers, kv, d});
  const at::Tensor v = floats.take({h->layers, kv, d});
  const at::Tensor o = floats.take({h->layers, d, d});
  const at::Tensor second_norms = floats.take({h->layers, d});
  const at::Tensor gate = floats.take({h->layers, h->inner, d});
  const at::Tensor down = floats.take({h->layers, d, h->inner});
  const at::Tensor up = floats.take({h->layers, h->inner, d});
  const at::Tensor norm = floats.take({d});
  floats.take({h->positions, h->head_width()});  // cosines and sines, which follow from the rest
  model.tensors.add("model.embed_tokens.weight", words);
  for (int64_t i = 0; i < h->layers; ++i) {
    const std::string layer = fmt::format("model.layers.{}.", i);
    const auto add = [&](const char* name, const at::Tensor& tensor) {
      model.tensors.add(layer + name, tensor);
    };
    add("input_layernorm.weight", first_norms[i]);
    add("self_attn.q_proj.weight", halves(q[i], h->heads));
    add("self_attn.k_proj.weight", halves(k[i], h->kv_heads));
    add("self_attn.v_proj.weight", v[i]);
    add("self_attn.o_proj.weight", o[i]);
    add("post_attention_layernorm.weight", second_norms[i]);
    add("mlp.gate_proj.weight", gate[i]);
    add("mlp.up_proj.weight", up[i]);
    add("mlp.down_proj.weight", down[i]);
  }
  model.tensors.add("model.norm.weight", norm);
  if (!h->tied) model.tensors.add("lm_head.weight", floats.take({h->vocabulary, d}));
  return model;
}

std::vector<Llama2cPiece> read_llama2c_tokenizer(const fs::path& path, int64_t count) {
  const MappedFile file(path);
  std::vector<Llama2cPiece> pieces;
  size_t at = 4;  // the longest piece comes first, and is not needed
  while (static_cast<int64_t>(pieces.size()) < count) {
    float score = 0;
    int32_t length = 0;
    if (at + 8 > file.bytes().size()) break;
    std::memcpy(&score, file.bytes().data() + at, 4);
    std::memcpy(&length, file.bytes().data() + at + 4, 4);
    at += 8;
    if (length < 0 || static_cast<size_t>(length) > file.bytes().size() - at) break;
    pieces.push_back(
        {{reinterpret_cast<const char*>(file.bytes().data() + at), static_cast<size_t>(length)},
         score});
    at += static_cast<size_t>(length);
  }
  if (static_cast<int64_t>(pieces.size()) != count || at != file.bytes().size()) {
    fail_unreadable("{}: not a tokenizer of llama2.c with {} pieces, as the model has",
                    path.string(), count);
  }
  return pieces;
}

std::string llama2c_tokenizer_json(const std::vector<Llama2cPiece>& pieces) {
  static const std::vector<std::string> special = {"<unk>", "<s>", "</s>"};
  std::unordered_map<std::string, size_t> ids;
  std::vector<std::string> texts;
  for (size_t i = 0; i < pieces.size(); ++i) {
    texts.push_back(i < special.size() ? special[i] : with_marks(pieces[i].text));
    if (!ids.emplace(texts.back(), i).second)
      fail_unreadable("the tokenizer of llama2.c has the piece '{}' twice", texts.back());
  }
  Json vocabulary = Json::object();
  for (size_t i = 0; i < texts.size(); ++i) vocabulary[texts[i]] = i;
  // A pair merges into every piece that it makes up, the one with the highest score first.
  std::vector<std::tuple<float, size_t, size_t>> merges;  // -score, left, right
  for (size_t i = special.size(); i < texts.size(); ++i) {
    const auto ends = borders(texts[i]);
    for (size_t b = 0; b + 1 < ends.size(); ++b) {
      const auto left = ids.find(texts[i].substr(0, ends[b]));
      const auto right = ids.find(texts[i].substr(ends[b]));
      if (left != ids.end() && right != ids.end())
        merges.emplace_back(-pieces[i].score, left->second, right->second);
    }
  }
  std::sort(merges.begin(), merges.end());
  Json pairs = Json::array();
  for (const auto& [score, left, right] : merges)
    pairs.push_back(Json::array({texts[left], texts[right]}));
  Json added = Json::array();
  for (size_t i = 0; i < special.size(); ++i) {
    added.push_back({{"id", i},
                     {"content", special[i]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  const Json bos = {{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}};
  const auto sequence = [](const char* id, int type) {
    return Json{{"Sequence", {{"id", id}, {"type_id", type}}}};
  };
  const Json json = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", added},
      {"normalizer",
       {{"type", "Sequence"},
        {"normalizers",
         {{{"type", "Prepend"}, {"prepend", "\u2581"}},
          {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}}}}}},
      {"pre_tokenizer", nullptr},
      {"post_processor",
       {{"type", "TemplateProcessing"},
        {"single", Json::array({bos, sequence("A", 0)})},
        {"pair", Json::array({bos, sequence("A", 0), bos, sequence("B", 1)})},
        {"special_tokens",
         {{"<s>", {{"id", "<s>"}, {"ids", Json::array({1})}, {"tokens", Json::array({"<s>"})}}}}}}},
      {"decoder",
       {{"type", "Sequence"},
        {"decoders",
         {{{"type", "Replace"}, {"pattern", {{"String", "\u2581"}}}, {"content", " "}},
          {{"type", "ByteFallback"}},
          {{"type", "Fuse"}},
          {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}}},
      {"model",
       {{"type", "BPE"},
        {"dropout", nullptr},
        {"unk_token", "<unk>"},
        {"continuing_subword_prefix", nullptr},
        {"end_of_word_suffix", nullptr},
        {"fuse_unk", true},
        {"byte_fallback", true},
        {"vocab", vocabulary},
        {"merges", pairs}}}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace graft::io
