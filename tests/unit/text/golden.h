#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "graft/text/tokenizer.h"

namespace graft::test {

/// tests/golden/tokenizers/<name>, a compressed JSON file.
nlohmann::json golden_json(const std::string& name);
/// The same for a file anywhere.
nlohmann::json read_json_gz(const std::filesystem::path& path);
/// texts.json.gz
const std::vector<std::string>& golden_texts();
/// golden.json.gz
const nlohmann::json& golden();

/// CRC-32 of ids, offsets and words as make_golden.py packs them.
uint32_t hash_of(const texts::Encoding& encoding, uint32_t before = 0);
uint32_t hash_of(const std::string& bytes, uint32_t before = 0);
/// Eight hexadecimal digits a number.
std::vector<uint32_t> unpack(const std::string& hashes);

/// Offsets in characters, as Python has them.
inline const texts::EncodeOptions kCharacters{.offsets = texts::OffsetUnit::characters};

/// For messages: the text with everything but ASCII escaped.
std::string shown(const std::string& text);
std::string shown(const texts::Encoding& encoding);

}  // namespace graft::test
