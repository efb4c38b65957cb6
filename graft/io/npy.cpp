#include "graft/io/npy.h"

#include <bit>
#include <string>

#include "graft/base/error.h"
#include "graft/base/files.h"

namespace graft::io {

void write_npy(const std::filesystem::path& path, const std::vector<float>& values,
               int64_t columns) {
  static_assert(std::endian::native == std::endian::little);
  GRAFT_ASSERT(columns > 0 && values.size() % static_cast<size_t>(columns) == 0);
  const size_t rows = values.size() / static_cast<size_t>(columns);
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  // Magic, version, length and header together fill whole units of 64 bytes and end a line.
  constexpr size_t kPreamble = 10;
  constexpr size_t kUnit = 64;
  header.append((kUnit - (kPreamble + header.size() + 1) % kUnit) % kUnit, ' ');
  header += '\n';
  const auto length = static_cast<uint16_t>(header.size());
  std::string start("\x93NUMPY\x01\x00", 8);
  start += static_cast<char>(length & 0xFF);
  start += static_cast<char>(length >> 8);
  start += header;
  write_atomically(path, [&](const ByteSink& sink) {
    sink(start.data(), start.size());
    sink(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  });
}

}  // namespace graft::io
