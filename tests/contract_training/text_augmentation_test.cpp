#include <torch/types.h>

#include <numeric>

#include "graft/data/inputs.h"
#include "graft/text/augment.h"
#include "graft/train/batches.h"
#include "tests/contract_training/texts.h"

/// Augmentation acts on training texts, anew in each pass, and on nothing else.
namespace graft::contract {
namespace {

const Json kAugment = {
    {"augment", {{{"random_deletion", {{"p", 0.3}}}}, {{"token_masking", {{"p", 0.3}}}}}}};

/// The tokens of a view's samples in a pass.
at::Tensor tokens_of(train::Job& job, const data::View& view, const data::Pass& pass,
                     std::vector<int64_t> order, int64_t batch) {
  data::LoaderOptions options;
  options.batch_size = batch;
  const auto batches = job.inputs->batches(view, std::move(order), pass, options, nullptr);
  std::vector<at::Tensor> ids;
  while (const auto next = batches->next()) ids.push_back(next->inputs.at("ids"));
  return at::cat(ids);
}

std::vector<int64_t> in_order(const data::View& view) {
  std::vector<int64_t> order(static_cast<size_t>(view.size()));
  std::iota(order.begin(), order.end(), int64_t{0});
  return order;
}

TEST(TextAugmentation, EvaluationsSeeTheTextsAsTheyAre) {
  const test::ScratchDir scratch;
  std::vector<std::vector<float>> losses;
  for (const Json& patch : {Json::object(), kAugment}) {
    train::Job job = open(with(text_config(scratch / std::to_string(losses.size())), patch));
    EXPECT_EQ(job.inputs->random(), losses.size() == 1);
    train::Reader reader(job, [](const std::string&) {});
    losses.push_back(reader.evaluate(job.data.validation, train::Deadline(std::nullopt)).losses);
  }
  EXPECT_EQ(losses[0], losses[1]);
}

TEST(TextAugmentation, IsDrawnAnewInEachPassWhateverTheOrder) {
  const test::ScratchDir scratch;
  train::Job job = open(with(text_config(scratch / "run"), kAugment));
  const data::View& view = job.data.train;
  const auto pass = [](uint64_t seed, uint64_t epoch) { return data::Pass{true, seed, epoch}; };
  const at::Tensor first = tokens_of(job, view, pass(0, 0), in_order(view), 8);
  EXPECT_FALSE(at::equal(first, tokens_of(job, view, {}, in_order(view), 8)));
  EXPECT_FALSE(at::equal(first, tokens_of(job, view, pass(0, 1), in_order(view), 8)));
  EXPECT_FALSE(at::equal(first, tokens_of(job, view, pass(1, 0), in_order(view), 8)));
  // A sample is changed in the same way in any batch and at any place.
  EXPECT_TRUE(at::equal(first, tokens_of(job, view, pass(0, 0), in_order(view), 3)));
  std::vector<at::Tensor> alone;
  for (int64_t i = view.size(); i-- > 0;)
    alone.insert(alone.begin(), tokens_of(job, view, pass(0, 0), {i}, 1));
  EXPECT_TRUE(at::equal(first, at::cat(alone)));
}

}  // namespace
}  // namespace graft::contract
