#include "graft/io/darknet_weights.h"

#include <torch/types.h>

#include <cstring>
#include <vector>

#include "graft/base/error.h"
#include "graft/base/files.h"

namespace graft::io {
namespace fs = std::filesystem;
namespace {

/// A tensor of the network, in the file's order.
struct Slot {
  int layer;
  std::string name;
  std::vector<int64_t> shape;
  int64_t numbers() const {
    int64_t product = 1;
    for (const int64_t side : shape) product *= side;
    return product;
  }
};

std::vector<Slot> slots_of(const DarknetNet& net) {
  std::vector<Slot> slots;
  for (int i = 0; i < static_cast<int>(net.layers.size()); ++i) {
    const auto* c = net.layer(i).as<DarknetConvolution>();
    if (!c) continue;
    const std::string path = fmt::format("layers.{}.", i);
    const int64_t in = net.shape(net.layer(i).inputs[0]).channels;
    if (c->batch_normalize) {
      for (const char* name : {"bias", "weight", "running_mean", "running_var"})
        slots.push_back({i, path + "normalization." + name, {c->filters}});
    } else {
      slots.push_back({i, path + "convolution.bias", {c->filters}});
    }
    slots.push_back(
        {i, path + "convolution.weight", {c->filters, in / c->groups, c->size, c->size}});
  }
  return slots;
}

/// Takes values off the file one after the other.
class Bytes {
 public:
  explicit Bytes(std::span<const uint8_t> bytes) : left_(bytes) {}
  size_t left() const { return left_.size(); }
  void take(void* value, size_t size) {
    std::memcpy(value, left_.data(), size);
    left_ = left_.subspan(size);
  }
  template <typename T>
  T take() {
    T value{};
    take(&value, sizeof value);
    return value;
  }

 private:
  std::span<const uint8_t> left_;
};

/// From version 0.2 on the number of pictures has 64 bits.
bool counts_wide(const DarknetHeader& header) {
  return int64_t{header.major} * 10 + header.minor >= 2;
}

DarknetHeader read_header(Bytes& bytes, const fs::path& file) {
  constexpr size_t kVersion = 3 * sizeof(int32_t);
  DarknetHeader header;
  bool whole = bytes.left() >= kVersion;
  if (whole) {
    header.major = bytes.take<int32_t>();
    header.minor = bytes.take<int32_t>();
    header.revision = bytes.take<int32_t>();
    whole = bytes.left() >= (counts_wide(header) ? sizeof(uint64_t) : sizeof(uint32_t));
  }
  const auto usual = [](int32_t number) { return number >= 0 && number <= 1000; };
  if (!whole || !usual(header.major) || !usual(header.minor) || !usual(header.revision))
    fail_unreadable(
        "{}: not the .weights file of a detector: it must begin with its version, three whole "
        "numbers from 0 to 1000; if it is a pointer of Git LFS, fetch the file itself",
        file.string());
  header.seen = counts_wide(header) ? bytes.take<uint64_t>() : bytes.take<uint32_t>();
  return header;
}

/// The last layer that a file with so few numbers still has something of.
int last_reached(const std::vector<Slot>& slots, int64_t numbers) {
  int layer = 0;
  for (const Slot& slot : slots) {
    if (numbers <= 0) break;
    layer = slot.layer;
    numbers -= slot.numbers();
  }
  return layer;
}

}  // namespace

DarknetWeights read_darknet_weights(const fs::path& path, const DarknetNet& net) {
  const MappedFile file(path);
  Bytes bytes(file.bytes());
  DarknetWeights weights;
  weights.header = read_header(bytes, path);
  const auto slots = slots_of(net);
  int64_t numbers = 0;
  for (const Slot& slot : slots) numbers += slot.numbers();
  if (bytes.left() != static_cast<size_t>(numbers) * sizeof(float)) {
    const auto held = static_cast<int64_t>(bytes.left() / sizeof(float));
    const std::string ends =
        held < numbers ? fmt::format(": it ends in layer {}", last_reached(slots, held)) : "";
    fail_unreadable(
        "{}: too {} for its cfg: {} bytes of weights, but the network has {} numbers of 4 bytes{}; "
        "cfg and weights do not belong together, or the file was cut (weights of the first layers "
        "only, such as yolov4.conv.137, are not read)",
        path.string(), held < numbers ? "short" : "long", bytes.left(), numbers, ends);
  }
  for (const Slot& slot : slots) {
    at::Tensor tensor = at::empty(slot.shape, at::kFloat);
    bytes.take(tensor.data_ptr<float>(), tensor.nbytes());
    weights.tensors.add(slot.name, std::move(tensor));
  }
  return weights;
}

void write_darknet_weights(const fs::path& path, const DarknetNet& net, const DarknetHeader& header,
                           const TensorMap& tensors) {
  write_atomically(path, [&](const ByteSink& sink) {
    for (const int32_t number : {header.major, header.minor, header.revision})
      sink(&number, sizeof number);
    if (counts_wide(header)) {
      sink(&header.seen, sizeof header.seen);
    } else {
      const auto seen = static_cast<uint32_t>(header.seen);
      sink(&seen, sizeof seen);
    }
    for (const Slot& slot : slots_of(net)) {
      const at::Tensor tensor =
          tensors.at(slot.name).detach().to(at::kCPU, at::kFloat).contiguous();
      GRAFT_ASSERT(tensor.sizes() == at::IntArrayRef(slot.shape));
      sink(tensor.data_ptr<float>(), tensor.nbytes());
    }
  });
}

}  // namespace graft::io
