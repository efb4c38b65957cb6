#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/train/batches.h"
#include "tests/contract_training/language.h"
#include "tests/contract_training/stops.h"
#include "tests/contract_training/texts.h"

/// mixup of texts: what enters the head is mixed, and the classes with it.
namespace graft::contract {
namespace {

const Json kMixup = {{"train", {{"mixup", 0.4}}}};

TEST(TextMixup, ResumesBitForBitAndChangesWhatIsLearned) {
  for (const Labels labels : {Labels::one, Labels::several}) {
    const test::ScratchDir scratch;
    run(with(text_config(scratch / "whole", labels), kMixup));
    execute_until_stop(with(text_config(scratch / "pieces", labels), kMixup), 3);
    train::resume(scratch / "pieces", {});
    expect_same_outcome(scratch / "whole", scratch / "pieces");
    run(text_config(scratch / "plain", labels));
    EXPECT_NE(step_losses(scratch / "whole"), step_losses(scratch / "plain"));
  }
}

TEST(TextMixup, IsTheSameFromACacheAndForAnyNumberOfWorkers) {
  const test::ScratchDir scratch;
  const Json head = with(kMixup, {{"strategy", "head"}});
  for (const char* cache : {"none", "memory"}) {
    run(with(text_config(scratch / cache), with(head, {{"cache", cache}})));
    EXPECT_EQ(events(scratch / cache, "stage")[0]["cached"], std::string(cache) == "memory");
  }
  const auto plain = step_losses(scratch / "none");
  const auto cached = step_losses(scratch / "memory");
  ASSERT_EQ(plain.size(), cached.size());
  for (size_t i = 0; i < plain.size(); ++i) EXPECT_NEAR(plain[i], cached[i], 1e-6);
  run(with(text_config(scratch / "workers"), with(kMixup, {{"train", {{"workers", 8}}}})));
  run(with(text_config(scratch / "worker"), kMixup));
  EXPECT_TRUE(same_weights(scratch / "workers", scratch / "worker"));
}

TEST(TextMixup, MixesFeaturesAndClassesByTheSameShare) {
  const test::ScratchDir scratch;
  train::Job job = open(with(text_config(scratch / "run"), kMixup));
  train::Reader reader(job, [](const std::string&) {});
  const auto batch_of = [&](int64_t epoch) {
    train::BatchStream stream(job, reader, epoch, 0);
    return *stream.next();
  };
  train::MicroBatch mixed = batch_of(0);
  EXPECT_LT(mixed.share, 1);
  EXPECT_NE(batch_of(1).share, mixed.share);
  EXPECT_EQ(batch_of(0).share, mixed.share);
  const int64_t n = mixed.targets.size(0);
  for (int64_t i = 0; i < n; ++i) {
    const int own = job.data.train.label(mixed.positions[static_cast<size_t>(i)]);
    const int other = job.data.train.label(mixed.positions[static_cast<size_t>((i + n - 1) % n)]);
    at::Tensor expected = at::zeros({3});
    expected[own] += mixed.share;
    expected[other] += 1 - mixed.share;
    EXPECT_TRUE(at::allclose(mixed.targets[i].cpu(), expected, 1e-5, 1e-6));
  }
  const at::NoGradGuard no_grad;
  nn::Context context;
  const at::Tensor features =
      job.model().forward(mixed.flow, context, 0, job.model().head()).at("features");
  nn::Flow entering("features", features * mixed.share + features.roll(1, 0) * (1 - mixed.share));
  const at::Tensor expected =
      job.model().forward(entering, context, job.model().head()).at("logits");
  const at::Tensor logits = train::pass(job.model(), mixed, 0, context).at("logits");
  EXPECT_TRUE(at::allclose(logits, expected, 1e-4, 1e-5));
}

TEST(TextMixup, IsRefusedWhereThereAreNoClasses) {
  const test::ScratchDir scratch;
  EXPECT_GRAFT_ERROR(open(with(text_config(scratch / "run", Labels::number), kMixup)),
                     ErrorCode::usage, "train.mixup");
  EXPECT_GRAFT_ERROR(open(with(language_config(scratch / "run"), kMixup)), ErrorCode::usage,
                     "train.mixup");
  EXPECT_GRAFT_ERROR(open(with(text_config(scratch / "run"), {{"train", {{"cutmix", 1.0}}}})),
                     ErrorCode::usage, "pastes pieces of pictures");
}

}  // namespace
}  // namespace graft::contract
