#include "tests/contract_training/fixture.h"

#include <torch/types.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "graft/base/rng.h"
#include "graft/data/loader.h"
#include "graft/image/codec.h"
#include "graft/io/safetensors.h"
#include "graft/tensor/device.h"
#include "graft/train/trained_set.h"

namespace graft::contract {
namespace fs = std::filesystem;

const std::vector<std::string> kFamilies = {"vit", "resnet_basic", "mobilenet_v2_tf", "convnext",
                                            "dinov2"};

std::string device() {
  const char* given = std::getenv("GRAFT_TEST_DEVICE");
  return given ? given : "cpu";
}

std::string golden_model(const std::string& name) {
  return (test::source_dir() / "tests/golden/models" / name).string();
}

fs::path make_photos(const fs::path& folder, const Photos& photos) {
  constexpr int kSide = 32;
  const std::vector<std::pair<std::string, int>> splits = {
      {"train", photos.train}, {"validation", photos.validation}, {"test", photos.test}};
  uint64_t key = 0;
  for (const auto& [split, count] : splits) {
    for (size_t c = 0; c < photos.classes.size(); ++c) {
      const fs::path here = folder / split / photos.classes[c];
      if (count > 0) fs::create_directories(here);
      for (int i = 0; i < count; ++i) {
        Rng rng{++key, c};
        image::Image picture(kSide, kSide);
        const std::array<int, 3> colour = {c % 2 ? 190 : 70, c / 2 % 2 ? 180 : 80, 120};
        for (int y = 0; y < kSide; ++y) {
          for (int x = 0; x < kSide; ++x) {
            const int stripe = (c == 1 ? x : y) / (2 + static_cast<int>(c)) % 2 ? 35 : -35;
            for (size_t k = 0; k < 3; ++k) {
              const int value = colour[k] + stripe + static_cast<int>(rng.integer(-40, 40));
              picture.at(x, y)[k] = static_cast<uint8_t>(std::clamp(value, 0, 255));
            }
          }
        }
        const auto bytes = image::encode_png(picture);
        std::ofstream(here / fmt::format("{:03}.png", i), std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()),
                   static_cast<std::streamsize>(bytes.size()));
      }
    }
  }
  return folder;
}

const fs::path& photos() {
  static const test::ScratchDir scratch;
  static const fs::path folder = make_photos(scratch / "photos", {});
  return folder;
}

Json config_of(const std::string& model, const fs::path& output) {
  return {{"task", "image-classification"},
          {"model", {{"path", golden_model(model)}, {"image_size", 32}}},
          {"data", photos().string()},
          {"method", "none"},
          {"strategy", "full"},
          {"augment", "none"},
          {"cache", "none"},
          {"metric", "accuracy"},
          {"plan", "off"},
          {"precision", "float32"},
          {"device", device()},
          {"threads", 1},
          {"seed", 7},
          {"output", output.string()},
          {"budget", {{"epochs", 2}}},
          {"train",
           {{"batch", 8},
            {"lr", 0.01},
            {"head_lr", 0.01},
            {"eval_every", 1},
            {"workers", 1},
            {"warmup", 0},
            {"batch_norm", "frozen"}}}};
}

Json with(Json config, const Json& patch) {
  config.merge_patch(patch);
  return config;
}

train::Job open(const Json& config) {
  const train::Config checked = train::make_config(config);
  set_threads(checked.values["threads"].get<int>());
  train::Job job = train::open_job(checked);
  train::prepare(job);
  return job;
}

Json run(train::Job& job, const std::vector<train::Observer*>& observers) {
  return train::execute(job, {}, observers);
}

Json run(const Json& config, const std::vector<train::Observer*>& observers) {
  train::Job job = open(config);
  return run(job, observers);
}

std::map<std::string, at::Tensor> snapshot(models::Model& model) {
  std::map<std::string, at::Tensor> all;
  for (const auto& p : model.registry().parameters) all[p.name] = p.value->detach().cpu().clone();
  for (const auto& t : train::adapter_tensors(model)) all[t.name] = t.value->detach().cpu().clone();
  return all;
}

bool same_bytes(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes() || a.scalar_type() != b.scalar_type()) return false;
  const at::Tensor x = a.cpu().contiguous();
  const at::Tensor y = b.cpu().contiguous();
  return std::memcmp(x.data_ptr(), y.data_ptr(), x.nbytes()) == 0;
}

namespace {

/// Files that hold what a run learned.
std::vector<fs::path> learned_files(const fs::path& run) {
  std::vector<fs::path> files;
  for (const char* name :
       {"model/model.safetensors", "adapter/adapter_model.safetensors", "delta.safetensors"}) {
    if (fs::exists(run / name)) files.emplace_back(name);
  }
  return files;
}

}  // namespace

double weights_gap(const fs::path& a, const fs::path& b) {
  double gap = learned_files(a).empty() || learned_files(a) != learned_files(b) ? INFINITY : 0;
  for (const auto& name : learned_files(a)) {
    const io::SafetensorsReader left(a / name);
    const io::SafetensorsReader right(b / name);
    for (const auto& tensor : left.names()) {
      const at::Tensor difference =
          (left.tensor(tensor).to(at::kDouble) - right.tensor(tensor).to(at::kDouble)).abs();
      gap = std::max(gap, difference.max().item<double>());
    }
  }
  return gap;
}

::testing::AssertionResult same_weights(const fs::path& a, const fs::path& b) {
  const auto files = learned_files(a);
  if (files.empty()) return ::testing::AssertionFailure() << a << " holds no weights";
  if (files != learned_files(b)) {
    return ::testing::AssertionFailure() << a << " and " << b << " hold different files";
  }
  for (const auto& name : files) {
    if (test::read_text(a / name) == test::read_text(b / name)) continue;
    return ::testing::AssertionFailure()
           << name << " differs, by up to " << weights_gap(a, b) << " (" << a << ", " << b << ")";
  }
  return ::testing::AssertionSuccess();
}

std::vector<Json> events(const fs::path& run, const std::string& kind) {
  std::vector<Json> found;
  std::istringstream lines(test::read_text(run / "log.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    Json event = parse_json(line, "log.jsonl");
    if (kind.empty() || event["event"] == kind) found.push_back(std::move(event));
  }
  return found;
}

std::vector<double> step_losses(const fs::path& run) {
  std::vector<double> losses;
  for (const Json& event : events(run, "step")) losses.push_back(event["loss"].get<double>());
  return losses;
}

at::Tensor features_of(models::Model& model, const data::View& view) {
  const at::NoGradGuard no_grad;
  nn::Context context;
  std::vector<at::Tensor> rows;
  rows.reserve(static_cast<size_t>(view.size()));
  for (int64_t i = 0; i < view.size(); ++i) {
    const at::Tensor pixels = data::load_one(view, i, model.preprocess()).to(model.device());
    rows.push_back(
        model.forward({"pixels", pixels}, context, 0, model.head()).at("features").cpu());
  }
  return at::cat(rows, 0);
}

at::Tensor logits_of(models::Model& model, const data::View& view) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> pixels;
  pixels.reserve(static_cast<size_t>(view.size()));
  for (int64_t i = 0; i < view.size(); ++i) {
    pixels.push_back(data::load_one(view, i, model.preprocess()));
  }
  nn::Context context;
  return model.forward({"pixels", at::cat(pixels, 0).to(model.device())}, context)
      .at("logits")
      .cpu()
      .clone();
}

}  // namespace graft::contract
