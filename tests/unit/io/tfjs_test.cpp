#include "graft/io/tfjs.h"

#include <ATen/ATen.h>

#include "graft/base/error.h"
#include "tests/support/support.h"
#include "tests/unit/io/pickle_text.h"

namespace graft::io {
namespace {
using test::ScratchDir;
using test::shared_dir;
using test::write_text;
using test_pickle::little;

void write_model(const ScratchDir& folder, const std::string& manifest) {
  write_text(folder / "model.json",
             R"({"modelTopology":{"class_name":"Sequential"},"weightsManifest":)" + manifest + "}");
}

std::string weight(const std::string& name, const std::string& shape, const std::string& more) {
  return R"({"name":")" + name + R"(","shape":)" + shape + "," + more + "}";
}

void expect_refused(const ScratchDir& folder, const std::string& part) {
  EXPECT_GRAFT_ERROR(read_tfjs(folder.path()), ErrorCode::unreadable, part);
}

TEST(Tfjs, ReadsTypesQuantisationAndSplitShards) {
  const ScratchDir folder;
  std::string data = little(1.5f) + little(-2.0f);
  data += little(int32_t{-7});
  data += std::string("\x00\x0a\xff", 3);
  data += little(uint16_t{0}) + little(uint16_t{65535});
  data += little(uint16_t{0x3c00});  // 1.0 in half precision
  data += std::string("\x01\x00", 2);
  data += std::string("\x03", 1);
  write_text(folder / "shard1", data.substr(0, 6));  // splits the second float
  write_text(folder / "shard2", data.substr(6));
  write_model(
      folder,
      R"([{"paths":["shard1","shard2"],"weights":[)" +
          weight("a/kernel", "[2,1]", R"("dtype":"float32")") + "," +
          weight("a/steps", "[]", R"("dtype":"int32")") + "," +
          weight("b", "[3]",
                 R"("dtype":"float32","quantization":{"dtype":"uint8","scale":0.1,"min":-1})") +
          "," +
          weight("c", "[2]",
                 R"("dtype":"float32","quantization":{"dtype":"uint16","scale":0.5,"min":0.25})") +
          "," + weight("d", "[1]", R"("dtype":"float32","quantization":{"dtype":"float16"})") +
          "," + weight("e", "[2]", R"("dtype":"bool")") + "," +
          weight("f", "[1]",
                 R"("dtype":"int32","quantization":{"dtype":"uint8","scale":1.5,"min":-2})") +
          "]}]");
  const TfjsModel model = read_tfjs(folder.path());
  EXPECT_EQ(model.topology["class_name"], "Sequential");
  EXPECT_EQ(model.weights.names(),
            (std::vector<std::string>{"a/kernel", "a/steps", "b", "c", "d", "e", "f"}));
  EXPECT_TRUE(at::equal(model.weights.at("a/kernel"), at::tensor({1.5f, -2.0f}).reshape({2, 1})));
  EXPECT_EQ(model.weights.at("a/steps").item<int32_t>(), -7);
  EXPECT_TRUE(at::equal(model.weights.at("b"), at::tensor({-1.0f, 0.0f, 24.5f})));
  EXPECT_TRUE(at::equal(model.weights.at("c"), at::tensor({0.25f, 32767.75f})));
  EXPECT_EQ(model.weights.at("d").scalar_type(), at::kFloat);
  EXPECT_EQ(model.weights.at("d").item<float>(), 1.0f);
  EXPECT_EQ(model.weights.at("e").scalar_type(), at::kBool);
  EXPECT_EQ(model.weights.at("f").scalar_type(), at::kInt);
  EXPECT_EQ(model.weights.at("f").item<int32_t>(), 2);  // 3 × 1.5 - 2 = 2.5, to even
}

TEST(Tfjs, RefusesWhatDoesNotAddUp) {
  const ScratchDir folder;
  const auto manifest = [](const std::string& paths, const std::string& weights) {
    return R"([{"paths":)" + paths + R"(,"weights":[)" + weights + "]}]";
  };
  const std::string good = weight("w", "[2]", R"("dtype":"float32")");
  write_text(folder / "s", std::string(8, '\0'));
  write_model(folder, manifest(R"(["s"])", good));
  EXPECT_EQ(read_tfjs(folder.path()).weights.size(), 1u);

  write_text(folder / "short", std::string(7, '\0'));
  write_text(folder / "long", std::string(9, '\0'));
  write_model(folder, manifest(R"(["short"])", good));
  expect_refused(folder, "7 bytes where the manifest adds up to 8");
  write_model(folder, manifest(R"(["long"])", good));
  expect_refused(folder, "9 bytes");
  write_model(folder, manifest(R"(["../s"])", good));
  expect_refused(folder, "../s");
  write_model(folder, manifest(R"(["/etc/passwd"])", good));
  expect_refused(folder, "/etc/passwd");
  write_model(folder, manifest(R"(["absent"])", good));
  expect_refused(folder, "absent");
  EXPECT_EQ(read_tfjs(folder.path(), MissingShards::report).missing, std::vector<std::string>{"w"});
  write_model(folder, manifest(R"(["s"])", weight("w", "[-2]", R"("dtype":"float32")")));
  expect_refused(folder, "no count");
  write_model(folder,
              manifest(R"(["s"])", weight("w", "[4611686018427387904,8]", R"("dtype":"float32")")));
  expect_refused(folder, "impossible shape");
  write_model(folder, manifest(R"(["s"])", weight("w", "[2]", R"("dtype":"string")")));
  expect_refused(folder, "string");
  write_model(folder, manifest(R"(["s"])", weight("w", "[2]", R"("dtype":3)")));
  expect_refused(folder, "'dtype'");
  write_model(folder, manifest(R"(["s"])", weight("w", "[1]", R"("dtype":"float32")") + "," +
                                               weight("w", "[1]", R"("dtype":"float32")")));
  expect_refused(folder, "two tensors named 'w'");
  write_model(folder, "7");
  expect_refused(folder, "weightsManifest");
  write_text(folder / "model.json", "[]");
  expect_refused(folder, "weightsManifest");
}

TEST(Tfjs, ReadsMobileNetV2) {
  GRAFT_NEEDS_SHARED("weights/mobilenetv2-0.35-tfjs/model.json");
  const TfjsModel model = read_tfjs(shared_dir() / "weights/mobilenetv2-0.35-tfjs");
  EXPECT_EQ(model.topology["class_name"], "Sequential");
  EXPECT_EQ(model.weights.at("Conv1/kernel").sizes(), (at::IntArrayRef{3, 3, 3, 16}));
  EXPECT_EQ(model.weights.bytes(), 2154032);
  for (const auto& [name, tensor] : model.weights) {
    EXPECT_TRUE(at::isfinite(tensor).all().item<bool>()) << name;
    if (name.ends_with("moving_variance")) {
      EXPECT_GE(tensor.min().item<float>(), 0) << name;
    }
  }
}

TEST(Tfjs, ReadsThePartsOfMobileNetV1ThatAreThere) {
  GRAFT_NEEDS_SHARED("weights/mobilenetv1-1.0-tfjs-partial/model.json");
  const auto folder = shared_dir() / "weights/mobilenetv1-1.0-tfjs-partial";
  EXPECT_GRAFT_ERROR(read_tfjs(folder), ErrorCode::unreadable, "is missing");
  const TfjsModel model = read_tfjs(folder, MissingShards::report);
  EXPECT_TRUE(model.weights.contains("conv_pw_12/kernel"));
  EXPECT_EQ(std::count(model.missing.begin(), model.missing.end(), "conv_pw_13/kernel"), 1);
}

}  // namespace
}  // namespace graft::io
