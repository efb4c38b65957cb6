#include "graft/text/formats/protobuf.h"

#include <bit>
#include <cstring>

#include "graft/base/error.h"

namespace graft::texts {

float ProtoReader::Field::real() const {
  return std::bit_cast<float>(static_cast<uint32_t>(integer));
}

void ProtoReader::damaged() const {
  fail_unreadable("{}: not a sentencepiece model, or cut short; fetch it again", where_);
}

uint64_t ProtoReader::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (bytes_.empty()) damaged();
    const auto byte = static_cast<uint8_t>(bytes_[0]);
    bytes_.remove_prefix(1);
    value |= uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return value;
  }
  damaged();
}

std::string_view ProtoReader::take(uint64_t count) {
  if (count > bytes_.size()) damaged();
  const std::string_view part = bytes_.substr(0, count);
  bytes_.remove_prefix(count);
  return part;
}

std::optional<ProtoReader::Field> ProtoReader::next() {
  if (bytes_.empty()) return std::nullopt;
  const uint64_t key = varint();
  Field field;
  if (key >> 3 == 0 || key >> 3 > 0x1fffffff) damaged();
  field.number = static_cast<uint32_t>(key >> 3);
  const auto fixed = [&](size_t count) {
    std::memcpy(&field.integer, take(count).data(), count);  // little-endian, as all our machines
  };
  switch (key & 7) {
    case 0:
      field.integer = varint();
      break;
    case 1:
      fixed(8);
      break;
    case 2:
      field.bytes = take(varint());
      field.is_bytes = true;
      break;
    case 5:
      fixed(4);
      break;
    default:
      damaged();
  }
  return field;
}

}  // namespace graft::texts
