#include <ATen/ATen.h>

#include <algorithm>
#include <memory>

#include "graft/base/error.h"
#include "graft/data/dataset.h"
#include "graft/data/text_inputs.h"
#include "tests/support/support.h"

/// How words that have classes enter a chain.
namespace graft::data {
namespace {

using graft::test::ScratchDir;
using graft::test::write_text;

std::shared_ptr<const texts::WordEncoder> encoder_of(int64_t most) {
  auto tokenizer =
      texts::Tokenizer::open(test::source_dir() / "tests/golden/tokenizers/small/word_piece.json");
  tokenizer.set_truncation(texts::Truncation{.max_length = static_cast<uint64_t>(most)});
  texts::Preprocess preprocess;
  preprocess.tokenizer = std::make_shared<const texts::Tokenizer>(std::move(tokenizer));
  preprocess.max_length = most;
  return std::make_shared<const texts::WordEncoder>(preprocess);
}

class WordInputs : public ::testing::Test {
 protected:
  WordInputs() {
    // The second word of the second text is cleaned away by the tokenizer.
    write_text(dir_ / "t.txt", "a B-X\nb I-X\nc O\n\nd O\n\x01 B-X\ne O\n");
    set_ = open_dataset(
        {{"train", (dir_ / "t.txt").string()}, {"split", {{"validation", 0.0}, {"test", 0.0}}}}, 0);
  }
  Batch batch(TextInputs& inputs, std::vector<int64_t> order) const {
    LoaderOptions options;
    options.batch_size = 8;
    auto batches = inputs.batches(set_.train, std::move(order), {}, options, nullptr);
    return *batches->next();
  }
  ScratchDir dir_;
  Dataset set_;
};

std::vector<int64_t> begun(const at::Tensor& targets) {
  std::vector<int64_t> words;
  for (int64_t i = 0; i < targets.size(0); ++i) {
    const auto word = targets[i].item<int64_t>();
    if (word >= 0) words.push_back(word);
  }
  return words;
}

TEST_F(WordInputs, TargetsSayWhichWordBegins) {
  TextInputs inputs(encoder_of(64), set_.train);
  const Batch both = batch(inputs, {1, 0});
  const at::Tensor targets = both.inputs.at("targets");
  const at::Tensor lengths = both.inputs.at("lengths");
  ASSERT_EQ(targets.size(0), both.inputs.at("ids").size(0));
  ASSERT_EQ(lengths.size(0), 2);
  const auto first = lengths[0].item<int64_t>();
  EXPECT_EQ(begun(targets.narrow(0, 0, first)), (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(begun(targets.narrow(0, first, targets.size(0) - first)),
            (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(targets[0].item<int64_t>(), -1);  // [CLS]
  EXPECT_FALSE(both.inputs.has("types"));
  EXPECT_EQ(inputs.cut(), 0);
}

TEST_F(WordInputs, WhatIsCutIsCounted) {
  TextInputs inputs(encoder_of(4), set_.train);
  const Batch both = batch(inputs, {0, 1});
  EXPECT_EQ(inputs.cut(), 1);
  EXPECT_EQ(both.inputs.at("lengths")[0].item<int64_t>(), 4);
  EXPECT_EQ(begun(both.inputs.at("targets").narrow(0, 0, 4)), (std::vector<int64_t>{0, 1}));
  EXPECT_NE(inputs.note().find("more than 4 tokens"), std::string::npos);
}

TEST_F(WordInputs, AnExampleHasWordsToLearn) {
  const TextInputs inputs(encoder_of(64), set_.train);
  const nn::Flow flow = inputs.example(3);
  EXPECT_EQ(flow.at("targets").size(0), flow.at("ids").size(0));
  EXPECT_GE(flow.at("targets").ge(0).sum().item<int64_t>(), 3);
}

TEST_F(WordInputs, AugmentationsOfWholeTextsAreRefused) {
  TextInputs inputs(encoder_of(64), set_.train);
  inputs.set_augmentation("none");
  EXPECT_GRAFT_ERROR(inputs.set_augmentation("random_swap"), ErrorCode::usage,
                     "each word has its class");
}

}  // namespace
}  // namespace graft::data
