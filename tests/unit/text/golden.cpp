#include "tests/unit/text/golden.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <fstream>

#include "tests/support/support.h"

namespace graft::test {

nlohmann::json read_json_gz(const std::filesystem::path& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) throw std::runtime_error("cannot open " + path.string());
  std::string content;
  std::vector<char> buffer(size_t{1} << 16);
  while (true) {
    const int count = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()));
    if (count <= 0) break;
    content.append(buffer.data(), static_cast<size_t>(count));
  }
  gzclose(file);
  return nlohmann::json::parse(content);
}

nlohmann::json golden_json(const std::string& name) {
  return read_json_gz(source_dir() / "tests/golden/tokenizers" / name);
}

const std::vector<std::string>& golden_texts() {
  static const auto all = golden_json("texts.json.gz").get<std::vector<std::string>>();
  return all;
}

const nlohmann::json& golden() {
  static const nlohmann::json all = golden_json("golden.json.gz");
  return all;
}

uint32_t hash_of(const std::string& bytes, uint32_t before) {
  return static_cast<uint32_t>(
      crc32(before, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

uint32_t hash_of(const texts::Encoding& encoding, uint32_t before) {
  std::string bytes;
  const auto put = [&](uint32_t number) {
    for (int shift = 0; shift < 32; shift += 8)
      bytes.push_back(static_cast<char>(number >> shift & 0xff));
  };
  for (const uint32_t id : encoding.ids) put(id);
  for (const texts::Span& span : encoding.offsets) {
    put(span.begin);
    put(span.end);
  }
  for (const int32_t word : encoding.words) put(static_cast<uint32_t>(word));
  return hash_of(bytes, before);
}

std::vector<uint32_t> unpack(const std::string& hashes) {
  std::vector<uint32_t> all;
  for (size_t i = 0; i + 8 <= hashes.size(); i += 8)
    all.push_back(static_cast<uint32_t>(std::stoul(hashes.substr(i, 8), nullptr, 16)));
  return all;
}

std::string shown(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::string shown(const texts::Encoding& e) {
  std::string result;
  for (size_t i = 0; i < e.size(); ++i) {
    result += fmt::format(" {}:{}({},{})w{}", e.ids[i], shown(e.tokens[i]), e.offsets[i].begin,
                          e.offsets[i].end, e.words[i]);
  }
  return result;
}

}  // namespace graft::test
