#pragma once

#include <cstdint>
#include <string_view>

namespace graft::report {

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4).
uint32_t crc32c(std::string_view data);
/// The form that TFRecord files store: rotated and offset, so that data which holds its own
/// checksum does not come out as a constant.
uint32_t masked_crc32c(std::string_view data);

}  // namespace graft::report
