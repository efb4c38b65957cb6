// Seeds: *.cfg
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "graft/base/error.h"
#include "graft/io/darknet_net.h"

/// A .cfg is read or refused; one that was read has layers that fit each other, and can be written
/// for other classes and back.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace io = graft::io;
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const io::DarknetNet net = io::parse_darknet(text, "input");
    for (int i = 0; i < static_cast<int>(net.layers.size()); ++i) {
      const io::MapShape& shape = net.shape(i);
      if (shape.channels < 1 || shape.height < 1 || shape.width < 1) std::abort();
      for (const int from : net.layer(i).inputs) {
        if (from < -1 || from >= i) std::abort();
      }
    }
    const std::string other = io::with_classes(text, net.classes() + 1, "input");
    if (io::parse_darknet(other, "input").classes() != net.classes() + 1) std::abort();
  } catch (const graft::Error&) {
  }
  return 0;
}
