#include "tests/unit/models/scenes.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "graft/base/rng.h"
#include "graft/eval/detection.h"
#include "graft/models/load.h"
#include "graft/nn/norm.h"
#include "tests/unit/models/golden.h"

namespace graft::models::test {

Scene make_scene(uint64_t number) {
  Rng rng{3, 0, number};
  constexpr auto kWidth = static_cast<uint64_t>(kSceneSize.width);
  constexpr auto kHeight = static_cast<uint64_t>(kSceneSize.height);
  Scene scene{image::Image(kSceneSize.width, kSceneSize.height), {}};
  for (uint8_t& sample : scene.picture.pixels) sample = static_cast<uint8_t>(rng.below(60));
  for (int attempt = 0; attempt < 8 && scene.truth.size() < 3; ++attempt) {
    const int w = 10 + static_cast<int>(rng.below(24)), h = 10 + static_cast<int>(rng.below(24));
    const int x = static_cast<int>(rng.below(kWidth - static_cast<uint64_t>(w)));
    const int y = static_cast<int>(rng.below(kHeight - static_cast<uint64_t>(h)));
    const image::Box box{static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + w),
                         static_cast<float>(y + h)};
    if (std::ranges::any_of(scene.truth, [&](const Truth& other) {
          return image::intersection(box, other.box).area() > 0;
        }))
      continue;
    const int label = static_cast<int>(rng.below(3));
    for (int j = y; j < y + h; ++j) {
      for (int i = x; i < x + w; ++i) scene.picture.at(i, j)[label] = 230;
    }
    scene.truth.push_back({box, label});
  }
  return scene;
}

std::vector<Scene> make_scenes(uint64_t count) {
  std::vector<Scene> scenes;
  for (uint64_t i = 0; i < count; ++i) scenes.push_back(make_scene(i));
  return scenes;
}

at::Tensor pixels_of(const Model& model, const std::vector<Scene>& scenes) {
  const image::Dimensions size = model.preprocess().output();
  at::Tensor pixels = at::empty({static_cast<int64_t>(scenes.size()), 3, size.height, size.width},
                                at::kFloat, at::MemoryFormat::ChannelsLast);
  float* at = pixels.data_ptr<float>();
  for (const Scene& scene : scenes) {
    GRAFT_ASSERT(scene.picture.width == size.width && scene.picture.height == size.height);
    model.preprocess().to_floats(scene.picture, at);
    at += static_cast<ptrdiff_t>(size.width) * size.height * 3;
  }
  return pixels;
}

std::vector<std::vector<Truth>> truth_of(const std::vector<Scene>& scenes) {
  std::vector<std::vector<Truth>> truth;
  for (const Scene& scene : scenes) truth.push_back(scene.truth);
  return truth;
}

at::Tensor objects_tensor(const std::vector<std::vector<Truth>>& truth) {
  size_t most = 1;
  for (const auto& picture : truth) most = std::max(most, picture.size());
  at::Tensor objects =
      at::full({static_cast<int64_t>(truth.size()), static_cast<int64_t>(most), 5}, -1, at::kFloat);
  for (size_t i = 0; i < truth.size(); ++i) {
    float* row = objects[static_cast<int64_t>(i)].data_ptr<float>();
    for (const Truth& one : truth[i]) {
      for (const float value :
           {one.box.x0, one.box.y0, one.box.x1, one.box.y1, static_cast<float>(one.label)})
        *row++ = value;
    }
  }
  return objects;
}

namespace {

void use_batch_statistics(Model& model, bool on) {
  for (nn::BatchNorm* norm : model.registry().batch_norms) norm->use_batch_statistics(on);
}

/// The norm of all gradients becomes 1 at most, as in training with graft.
void clip_gradients(Model& model) {
  std::vector<at::Tensor> gradients;
  std::vector<at::Tensor> norms;
  for (const auto& p : model.registry().parameters) {
    if (!p.value->grad().defined()) continue;
    gradients.push_back(p.value->grad());
    norms.push_back(gradients.back().norm());
  }
  const double norm = at::stack(norms).norm().item<double>();
  if (norm <= 1) return;
  for (at::Tensor& gradient : gradients) gradient.mul_(1 / norm);
}

/// The share of the rate in a step: it rises during the first twentieth and falls in the last
/// quarter.
double share_at(int step, int steps) {
  const double n = steps;
  return std::min({1.0, (step + 1) / (n / 20), (n - step) / (n / 4)});
}

void learn(Model& model, const Detector& detector, const Lesson& lesson) {
  const auto truth = truth_of(lesson.scenes);
  nn::Flow batch("pixels", pixels_of(model, lesson.scenes));
  batch["objects"] = objects_tensor(truth);
  set_trained(model, true);
  use_batch_statistics(model, true);
  AdamW optimizer(model, lesson.rate);
  nn::Context context;
  context.training = true;
  context.generator = at::detail::createCPUGenerator(3);
  for (int step = 0; step < lesson.steps; ++step) {
    detector.loss(model.forward(batch, context), truth).total.mean().backward();
    clip_gradients(model);
    optimizer.step(share_at(step, lesson.steps));
  }
  use_batch_statistics(model, false);
}

eval::MeasuredBox measured(const image::Box& box) {
  return {box.x0, box.y0, box.width(), box.height()};
}

double ap50(Model& model, const Detector& detector, const Lesson& lesson) {
  std::vector<image::Image> pictures;
  for (const Scene& scene : lesson.scenes) pictures.push_back(scene.picture);
  const auto found = detect(model, detector, pictures, {.score = lesson.score});
  eval::DetectionMetric metric(lesson.classes);
  for (size_t i = 0; i < lesson.scenes.size(); ++i) {
    std::vector<eval::TrueBox> there;
    for (const auto& [box, label] : lesson.scenes[i].truth)
      there.push_back({measured(box), label, box.area()});
    std::vector<eval::FoundBox> said;
    for (const auto& [box, label, score] : found[i]) said.push_back({measured(box), label, score});
    metric.add(static_cast<int64_t>(i), {there, said});
  }
  return metric.scores().figures.ap50;
}

}  // namespace

void expect_learned_by_heart(const Json& config, const Lesson& lesson) {
  const OneThread one_thread;
  ModelSource source;
  source.config = config;
  source.task = Task::boxes;
  source.random = true;
  source.seed = 5;
  const LoadedModel loaded = load_model(source, lesson.classes);
  const auto detector = make_detector(*loaded.model);
  learn(*loaded.model, *detector, lesson);
  EXPECT_GE(ap50(*loaded.model, *detector, lesson), 0.9);
}

}  // namespace graft::models::test
