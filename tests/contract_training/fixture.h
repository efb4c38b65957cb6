#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "graft/train/job.h"
#include "graft/train/observer.h"
#include "graft/train/run.h"
#include "tests/support/support.h"

/// Tiny models on tiny photos, trained through the same calls as the program uses.
namespace graft::contract {

/// Families of tests/golden/models that every contract is held to.
extern const std::vector<std::string> kFamilies;
/// Where the models of every contract are trained: GRAFT_TEST_DEVICE, or the CPU.
std::string device();
std::string golden_model(const std::string& name);

/// A folder of train / validation / test with photos of 32x32: a class has its colour and its
/// stripes, and noise lies over all. Made once a process.
struct Photos {
  std::vector<std::string> classes = {"ash", "birch", "cedar"};
  int train = 10, validation = 4, test = 4;  ///< of each class
};
std::filesystem::path make_photos(const std::filesystem::path& folder, const Photos& photos);
/// 30 / 12 / 12 photos of three classes.
const std::filesystem::path& photos();

/// A configuration with nothing left open: two epochs of full fine-tuning, no augmentation.
Json config_of(const std::string& model, const std::filesystem::path& output);
/// `patch` laid over `config` (RFC 7386).
Json with(Json config, const Json& patch);

train::Job open(const Json& config);
/// Opens and executes.
Json run(const Json& config, const std::vector<train::Observer*>& observers = {});
Json run(train::Job& job, const std::vector<train::Observer*>& observers = {});

/// Copies of all that a model holds, adapters included, by name.
std::map<std::string, at::Tensor> snapshot(models::Model& model);
bool same_bytes(const at::Tensor& a, const at::Tensor& b);
/// Largest difference between what two runs wrote as weights.
double weights_gap(const std::filesystem::path& a, const std::filesystem::path& b);
/// Whether the files with what two runs learned are the same byte by byte.
::testing::AssertionResult same_weights(const std::filesystem::path& a,
                                        const std::filesystem::path& b);

/// Events of log.jsonl; all, or those of one kind.
std::vector<Json> events(const std::filesystem::path& run, const std::string& kind = "");
std::vector<double> step_losses(const std::filesystem::path& run);
/// What a model's head sees of a view's photos, one at a time, and the logits of all at once.
at::Tensor features_of(models::Model& model, const data::View& view);
at::Tensor logits_of(models::Model& model, const data::View& view);

/// Calls back at events.
class Watcher final : public train::Observer {
 public:
  std::function<void(const train::StepEvent&)> step;
  std::function<void(const train::StageEvent&)> stage;
  std::function<void(const train::EvaluationEvent&)> evaluation;
  std::function<void(int64_t, const std::string&)> checkpoint;
  std::function<void(const std::string&)> end;

  void on_step(const train::StepEvent& e) override {
    if (step) step(e);
  }
  void on_stage(const train::StageEvent& e) override {
    if (stage) stage(e);
  }
  void on_evaluation(const train::EvaluationEvent& e) override {
    if (evaluation) evaluation(e);
  }
  void on_checkpoint(int64_t at, const std::string& kind) override {
    if (checkpoint) checkpoint(at, kind);
  }
  void on_end(const std::string& status, int64_t) override {
    if (end) end(status);
  }
};

}  // namespace graft::contract
