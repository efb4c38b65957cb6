#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <map>

#include "graft/image/codec.h"
#include "tests/support/support.h"
#include "tests/unit/models/golden.h"

/// Real weights on real pictures: akamaster's CIFAR ResNets on the first 100 test images of each
/// class.
namespace graft::models::test {
namespace {

constexpr int kPerClass = 100;

struct Pictures {
  std::vector<image::Image> images;
  std::vector<std::string> labels;
};

/// "test/<class>/NNNN.jpg", sorted by name within the archive.
Pictures read_pictures(const std::filesystem::path& path) {
  Pictures pictures;
  std::map<std::string, int> count;
  archive* reader = archive_read_new();
  archive_read_support_filter_gzip(reader);
  archive_read_support_format_tar(reader);
  EXPECT_EQ(archive_read_open_filename(reader, path.c_str(), 1 << 16), ARCHIVE_OK);
  archive_entry* entry = nullptr;
  while (archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
    const std::filesystem::path name(archive_entry_pathname(entry));
    if (name.extension() != ".jpg") continue;
    const std::string label = name.parent_path().filename();
    if (++count[label] > kPerClass) continue;
    std::vector<uint8_t> bytes(static_cast<size_t>(archive_entry_size(entry)));
    EXPECT_EQ(archive_read_data(reader, bytes.data(), bytes.size()),
              static_cast<la_ssize_t>(bytes.size()));
    pictures.images.push_back(image::decode(bytes, name.string()));
    pictures.labels.push_back(label);
  }
  archive_read_free(reader);
  return pictures;
}

at::Tensor to_pixels(const Pictures& pictures, const image::Preprocess& preprocess) {
  const auto n = static_cast<int64_t>(pictures.images.size());
  at::Tensor batch = at::empty({n, 32, 32, 3});
  for (int64_t i = 0; i < n; ++i) {
    const image::Image ready = preprocess.apply(pictures.images[static_cast<size_t>(i)]);
    EXPECT_EQ(ready.width, 32);
    preprocess.to_floats(ready, batch.data_ptr<float>() + i * 32 * 32 * 3);
  }
  return batch.permute({0, 3, 1, 2});
}

TEST(CifarResNet, PublishedWeightsOnRealPictures) {
  GRAFT_NEEDS_SHARED("data/cifar10-jpg/test.tar.gz");
  GRAFT_NEEDS_SHARED("weights/resnet-cifar10-pth/resnet20-12fca82f.th");
  const auto shared = graft::test::shared_dir();
  const Pictures pictures = read_pictures(shared / "data/cifar10-jpg/test.tar.gz");
  ASSERT_EQ(pictures.images.size(), 1000u);
  struct Case {
    const char* file;
    int64_t parameters;
    double percent;
  };
  const at::NoGradGuard no_grad;
  for (const Case& one :
       {Case{"resnet20-12fca82f.th", 269722, 80.4}, Case{"resnet32-d509ac18.th", 464154, 84.0},
        Case{"resnet56-4bfd9763.th", 853018, 82.5}}) {
    ModelSource source;
    source.path = (shared / "weights/resnet-cifar10-pth" / one.file).string();
    const LoadedModel loaded = load_model(source);
    EXPECT_TRUE(loaded.unused.empty()) << loaded.unused.front();
    EXPECT_EQ(loaded.model->parameter_count(), one.parameters);
    const at::Tensor pixels = to_pixels(pictures, loaded.model->preprocess());
    int right = 0;
    for (int64_t start = 0; start < pixels.size(0); start += 250) {
      const at::Tensor best = logits(*loaded.model, pixels.narrow(0, start, 250)).argmax(1);
      for (int64_t i = 0; i < 250; ++i) {
        const auto index = static_cast<size_t>(best[i].item<int64_t>());
        right += loaded.model->classes()[index] == pictures.labels[static_cast<size_t>(start + i)];
      }
    }
    RecordProperty(std::string("percent_") + one.file, std::to_string(right / 10.0));
    EXPECT_NEAR(right / 10.0, one.percent, 0.2) << one.file;
  }
}

TEST(CifarResNet, ASubsetOfTheClassesKeepsItsRows) {
  GRAFT_NEEDS_SHARED("data/cifar10-jpg/test.tar.gz");
  GRAFT_NEEDS_SHARED("weights/resnet-cifar10-pth/resnet20-12fca82f.th");
  const auto shared = graft::test::shared_dir();
  const Pictures all = read_pictures(shared / "data/cifar10-jpg/test.tar.gz");
  ModelSource source;
  source.path = (shared / "weights/resnet-cifar10-pth/resnet20-12fca82f.th").string();
  const LoadedModel whole = load_model(source);
  const std::vector<std::string> wanted{"truck", "zebra", "cat", "dog"};
  const LoadedModel part = load_model(source, wanted);
  EXPECT_EQ(part.head.kept, (std::vector<std::string>{"truck", "cat", "dog"}));
  EXPECT_EQ(part.head.added, (std::vector<std::string>{"zebra"}));
  EXPECT_EQ(part.head.dropped.size(), 7u);

  Pictures known;
  for (size_t i = 0; i < all.images.size(); ++i) {
    if (std::find(wanted.begin(), wanted.end(), all.labels[i]) == wanted.end()) continue;
    known.images.push_back(all.images[i]);
    known.labels.push_back(all.labels[i]);
  }
  ASSERT_EQ(known.images.size(), 300u);
  const at::NoGradGuard no_grad;
  const at::Tensor pixels = to_pixels(known, whole.model->preprocess());
  const at::Tensor before = logits(*whole.model, pixels);
  const at::Tensor after = logits(*part.model, pixels);
  const auto& classes = whole.model->classes();
  int right = 0;
  int right_of_ten = 0;
  for (size_t row = 0; row < wanted.size(); ++row) {
    const auto found = std::find(classes.begin(), classes.end(), wanted[row]);
    if (found == classes.end()) continue;
    EXPECT_LT(largest_difference(after.select(1, static_cast<int64_t>(row)),
                                 before.select(1, found - classes.begin())),
              1e-4);
  }
  const at::Tensor rows = after.index_select(1, at::tensor({0, 2, 3}, at::kLong)).argmax(1);
  const at::Tensor ten = before.argmax(1);
  const std::vector<std::string> three{"truck", "cat", "dog"};
  for (int64_t i = 0; i < 300; ++i) {
    right +=
        three[static_cast<size_t>(rows[i].item<int64_t>())] == known.labels[static_cast<size_t>(i)];
    right_of_ten += classes[static_cast<size_t>(ten[i].item<int64_t>())] ==
                    known.labels[static_cast<size_t>(i)];
  }
  EXPECT_GE(right, right_of_ten) << "fewer classes to confuse, the same rows";
  EXPECT_GT(right, 240);
}

TEST(CifarResNet, ShortcutWithoutWeightsHalvesAndPads) {
  ModelSource source;
  source.config =
      Json{{"model_type", "cifar_resnet"}, {"depths", {1, 1}}, {"hidden_sizes", {2, 6}}};
  source.random = true;
  const LoadedModel loaded = load_model(source, {"a", "b", "c"});
  Model& model = *loaded.model;
  // With both norms of the second layer silent only its shortcut is left.
  const at::NoGradGuard no_grad;
  model.registry().find("layer2.0.bn2.weight")->value->zero_();
  nn::Context context;
  nn::Flow flow("pixels", at::rand({2, 3, 8, 8}) + 1);
  flow = model.forward(flow, context, 0, 2);
  const at::Tensor x = flow.at("x").clone();
  const at::Tensor features = model.forward(flow, context, 2, 3).at("features");
  ASSERT_EQ(features.sizes().vec(), (std::vector<int64_t>{2, 6}));
  const at::Tensor kept = x.slice(2, 0, c10::nullopt, 2).slice(3, 0, c10::nullopt, 2).mean({2, 3});
  EXPECT_LT(largest_difference(features.slice(1, 2, 4), kept), 1e-6);
  EXPECT_EQ(features.slice(1, 0, 2).abs().max().item<float>(), 0);
  EXPECT_EQ(features.slice(1, 4, 6).abs().max().item<float>(), 0);
}

}  // namespace
}  // namespace graft::models::test
