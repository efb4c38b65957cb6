#include "graft/data/gunzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "graft/base/error.h"

namespace graft::data {

struct Gunzip::State {
  z_stream stream{};
  std::span<const uint8_t> packed;  // not yet given to zlib
  std::string where;
  bool done = false;
};

bool is_gzip(std::span<const uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B;
}

Gunzip::Gunzip(std::span<const uint8_t> packed, std::string where)
    : state_(std::make_unique<State>()) {
  state_->packed = packed;
  state_->where = std::move(where);
  // 16 asks for gzip framing, whose check sum and length zlib then verifies.
  if (::inflateInit2(&state_->stream, 16 + MAX_WBITS) != Z_OK) {
    fail(ErrorCode::internal, "{}: zlib could not start", state_->where);
  }
}

Gunzip::~Gunzip() {
  ::inflateEnd(&state_->stream);
}

size_t Gunzip::read(std::span<uint8_t> target) {
  State& s = *state_;
  size_t filled = 0;
  while (filled < target.size() && !s.done) {
    if (s.stream.avail_in == 0 && !s.packed.empty()) {
      const size_t part = std::min<size_t>(s.packed.size(), std::numeric_limits<uInt>::max());
      s.stream.next_in = const_cast<Bytef*>(s.packed.data());
      s.stream.avail_in = static_cast<uInt>(part);
      s.packed = s.packed.subspan(part);
    }
    const size_t room = std::min<size_t>(target.size() - filled, std::numeric_limits<uInt>::max());
    s.stream.next_out = target.data() + filled;
    s.stream.avail_out = static_cast<uInt>(room);
    const int code = ::inflate(&s.stream, Z_NO_FLUSH);
    filled += room - s.stream.avail_out;
    if (code == Z_STREAM_END) {
      const bool more = s.stream.avail_in >= 2 && is_gzip({s.stream.next_in, 2});
      s.done = !more;  // as gzip does, what follows the last member is ignored
      if (more) ::inflateReset(&s.stream);
    } else if (code == Z_BUF_ERROR && s.stream.avail_in == 0 && s.packed.empty()) {
      fail_unreadable("{} ends too early: the gzip data are cut off; fetch the file again",
                      s.where);
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      fail_unreadable("{} is damaged: {}; fetch the file again", s.where,
                      s.stream.msg ? s.stream.msg : "not gzip data");
    }
  }
  return filled;
}

}  // namespace graft::data
