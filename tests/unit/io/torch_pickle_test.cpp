#include "graft/io/torch_pickle.h"

#include <ATen/ATen.h>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/io/safetensors.h"
#include "tests/support/support.h"

namespace graft::io {
namespace {
using test::shared_dir;

std::filesystem::path golden(const std::string& name) {
  return test::source_dir() / "tests/golden/io" / name;
}

at::Tensor counting(at::ScalarType type, at::IntArrayRef shape) {
  return at::arange(c10::multiply_integers(shape)).reshape(shape).to(type);
}

class StateDict : public ::testing::TestWithParam<std::string> {};

TEST_P(StateDict, ReadsWhatTorchSaved) {
  const TensorMap map = read_torch_pickle(golden(GetParam()));
  const std::vector<std::string> names{
      "conv.weight", "half",        "bf16",  "parameter", "transposed", "every_second",
      "shared.head", "shared.tail", "flags", "count",     "empty",      "expanded",
      "f64",         "i32",         "i16",   "i8",        "u8",         "c64"};
  EXPECT_EQ(map.names(), names);
  const at::Tensor base = counting(at::kFloat, {4, 6});
  const at::Tensor shared = counting(at::kFloat, {10});
  const TensorMap expected{{"conv.weight", counting(at::kFloat, {2, 3, 2, 2})},
                           {"half", counting(at::kHalf, {3})},
                           {"bf16", counting(at::kBFloat16, {3})},
                           {"parameter", counting(at::kFloat, {3})},
                           {"transposed", base.t()},
                           {"every_second", base.slice(1, 0, 6, 2)},
                           {"shared.head", shared.slice(0, 0, 4)},
                           {"shared.tail", shared.slice(0, 4, 10)},
                           {"flags", counting(at::kBool, {4})},
                           {"count", at::scalar_tensor(11, at::kLong)},
                           {"empty", at::zeros({0, 4})},
                           {"expanded", at::full({5}, 3.0)},
                           {"f64", counting(at::kDouble, {3})},
                           {"i32", counting(at::kInt, {3})},
                           {"i16", counting(at::kShort, {3})},
                           {"i8", counting(at::kChar, {3})},
                           {"u8", counting(at::kByte, {3})},
                           {"c64", counting(at::kComplexFloat, {3})}};
  for (const auto& [name, tensor] : expected) {
    EXPECT_EQ(map.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(map.at(name), tensor)) << name;
  }
  EXPECT_TRUE(map.at("conv.weight").is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(map.at("shared.head").is_alias_of(map.at("shared.tail")));
  EXPECT_TRUE(map.at("transposed").is_alias_of(map.at("every_second")));
  EXPECT_FALSE(map.at("parameter").requires_grad());
}

INSTANTIATE_TEST_SUITE_P(Forms, StateDict,
                         ::testing::Values("state.pt", "state_legacy.pth", "state_protocol4.pt"),
                         [](const auto& file) {
                           return file.param.substr(0, file.param.find('.'));
                         });

TEST(TorchPickle, ReadsTypesWithoutAStorageClass) {
  const TensorMap map = read_torch_pickle(golden("new_types.pt"));
  EXPECT_TRUE(at::equal(map.at("u16"), counting(at::kUInt16, {3})));
  EXPECT_EQ(map.at("f8").scalar_type(), at::kFloat8_e4m3fn);
  EXPECT_TRUE(at::equal(map.at("f8").to(at::kFloat), counting(at::kFloat, {3})));
}

TEST(TorchPickle, FindsTheStateDictInsideACheckpoint) {
  const TensorMap map = read_torch_pickle(golden("wrapped.pt"));
  EXPECT_EQ(map.names().front(), "module.0.weight");
  EXPECT_EQ(map.size(), 7u);
  const TensorMap plain = strip_prefix(map, "module.");
  EXPECT_TRUE(at::equal(plain.at("0.weight"), counting(at::kFloat, {2, 1, 3, 3})));
  EXPECT_EQ(plain.at("1.num_batches_tracked").item<int64_t>(), 0);
  EXPECT_EQ(read_torch_pickle(golden("only_dict.pt")).names(), std::vector<std::string>{"w"});
}

TEST(TorchPickle, RefusesProgramsWithAReason) {
  EXPECT_GRAFT_ERROR(read_torch_pickle(golden("whole_module.pt")), ErrorCode::unreadable,
                     "torch.nn.modules.container.Sequential");
  EXPECT_GRAFT_ERROR(read_torch_pickle(golden("script.pt")), ErrorCode::unreadable, "TorchScript");
  EXPECT_GRAFT_ERROR(read_torch_pickle(golden("conjugated.pt")), ErrorCode::unreadable, "'x'");
}

TEST(TorchPickle, ViewsOutliveTheFileAndNeverChangeIt) {
  const auto path = golden("state.pt");
  const std::string before = read_file(path, 1 << 20);
  at::Tensor tensor = read_torch_pickle(path).at("transposed");
  tensor.fill_(5);
  EXPECT_EQ(tensor.sum().item<float>(), 120);
  EXPECT_EQ(read_file(path, 1 << 20), before);
}

/// Cutting a file or changing one byte gives an error or other numbers, never anything else.
TEST(TorchPickle, SurvivesEveryTruncationAndFlippedByte) {
  for (const std::string name : {"state.pt", "state_legacy.pth"}) {
    std::string file = read_file(golden(name), 1 << 20);
    const auto parse = [&](size_t length) {
      return parse_torch_pickle({reinterpret_cast<const uint8_t*>(file.data()), length}, nullptr,
                                name);
    };
    ASSERT_EQ(parse(file.size()).size(), 18u);
    for (size_t length = 0; length < file.size(); ++length) {
      EXPECT_THROW(parse(length), Error) << name << " cut to " << length;
    }
    int refused = 0;
    for (size_t i = 0; i < file.size(); ++i) {
      file[i] = static_cast<char>(~file[i]);
      try {
        for (const auto& [key, tensor] : parse(file.size())) tensor.clone();
      } catch (const Error&) {
        ++refused;
      }
      file[i] = static_cast<char>(~file[i]);
    }
    EXPECT_GT(refused, 500) << name;
  }
}

TEST(TorchPickle, ReadsTheCifarResnets) {
  GRAFT_NEEDS_SHARED("weights/resnet-cifar10-pth/resnet20-12fca82f.th");
  const std::vector<std::pair<std::string, int64_t>> files{{"resnet20-12fca82f.th", 269722},
                                                           {"resnet32-d509ac18.th", 464154},
                                                           {"resnet56-4bfd9763.th", 853018}};
  for (const auto& [name, parameters] : files) {
    const TensorMap map = strip_prefix(
        read_torch_pickle(shared_dir() / "weights/resnet-cifar10-pth" / name), "module.");
    int64_t count = 0;
    for (const auto& [key, tensor] : map) {
      EXPECT_TRUE(at::isfinite(tensor).all().item<bool>()) << key;
      if (key.find("running_") == key.npos) count += tensor.numel();
    }
    EXPECT_EQ(count, parameters) << name;
    EXPECT_EQ(map.at("conv1.weight").sizes(), (at::IntArrayRef{16, 3, 3, 3}));
    EXPECT_TRUE(map.contains("linear.weight"));
  }
}

TEST(TorchPickle, ReadsTheFaceDetector) {
  GRAFT_NEEDS_SHARED("weights/ultraface-rfb-320/version-RFB-320.pth");
  const TensorMap map =
      read_torch_pickle(shared_dir() / "weights/ultraface-rfb-320/version-RFB-320.pth");
  EXPECT_EQ(map.size(), 244u);
}

/// Two training runs of one net (3752 and 7504 steps), so the layouts agree and the values do not;
/// the numbers are what torch.load and safetensors.torch.load_file give.
TEST(TorchPickle, ZipAndSafetensorsOfTheMnistNetHaveOneLayout) {
  GRAFT_NEEDS_SHARED("weights/burn-mnist-cnn/mnist.pt");
  const auto folder = shared_dir() / "weights/burn-mnist-cnn";
  const TensorMap pickled = read_torch_pickle(folder / "mnist.pt");
  const TensorMap safe = SafetensorsReader(folder / "mnist.safetensors").all();
  EXPECT_EQ(pickled.size(), 20u);
  EXPECT_EQ(safe.size(), 20u);
  for (const auto& [name, tensor] : pickled) {
    EXPECT_EQ(tensor.scalar_type(), safe.at(name).scalar_type()) << name;
    EXPECT_EQ(tensor.sizes(), safe.at(name).sizes()) << name;
  }
  EXPECT_EQ(pickled.at("norm1.num_batches_tracked").item<int64_t>(), 3752);
  EXPECT_EQ(safe.at("norm1.num_batches_tracked").item<int64_t>(), 7504);
  EXPECT_EQ(pickled.at("norm2.running_var")[0].item<float>(), 86.590087890625f);
  EXPECT_EQ(safe.at("norm2.running_var")[0].item<float>(), 54.63916778564453f);
  EXPECT_EQ(pickled.at("fc2.bias")[2].item<float>(), -0.07922933250665665f);
  EXPECT_EQ(safe.at("fc2.bias")[2].item<float>(), -0.07922935485839844f);
}

}  // namespace
}  // namespace graft::io
