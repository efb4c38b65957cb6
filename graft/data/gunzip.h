#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace graft::data {

/// Unpacks gzip data (RFC 1952, several members in a row included) piece by piece; check sums are
/// verified. Damage and truncation are errors (exit code 3) that name `where`.
class Gunzip {
 public:
  Gunzip(std::span<const uint8_t> packed, std::string where);
  ~Gunzip();
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  /// Fills `target` as far as there is data; less than asked means the end.
  size_t read(std::span<uint8_t> target);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// True when `bytes` begin as gzip data do.
bool is_gzip(std::span<const uint8_t> bytes);

}  // namespace graft::data
