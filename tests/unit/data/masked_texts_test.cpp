#include "graft/data/masked_texts.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "graft/base/error.h"
#include "graft/data/bare_texts.h"
#include "graft/data/split_long_texts.h"
#include "graft/data/text_inputs.h"
#include "tests/support/support.h"
#include "tests/unit/data/make.h"

namespace graft::data {
namespace {

using graft::test::ScratchDir;
using graft::test::write_text;

constexpr int32_t kMask = 4;

texts::Preprocess word_piece(int64_t max_length = 64) {
  texts::Preprocess preprocess;
  preprocess.folder = graft::test::source_dir() / "tests/contract_training/word_piece";
  auto tokenizer = std::make_shared<texts::Tokenizer>(texts::Tokenizer::open(preprocess.folder));
  texts::Truncation truncation;
  truncation.max_length = static_cast<uint64_t>(max_length);
  tokenizer->set_truncation(truncation);
  preprocess.tokenizer = std::move(tokenizer);
  preprocess.max_length = max_length;
  return preprocess;
}

Masking masking(double share = 0.15) {
  return masking_of(*word_piece().tokenizer, share);
}

TEST(Masking, KnowsWhatIsNeverAskedFor) {
  const Masking m = masking();
  EXPECT_EQ(m.mask, kMask);
  EXPECT_EQ(std::count(m.special.begin(), m.special.end(), true), 5);
  for (size_t id = 0; id < 5; ++id) EXPECT_TRUE(m.special[id]) << id;
  const auto llama =
      texts::Tokenizer::open(graft::test::source_dir() / "examples/models/stories260K");
  EXPECT_GRAFT_ERROR(masking_of(llama, 0.15), ErrorCode::usage, "mask_token");
}

/// 15 % are asked for; of these 80 % are hidden, 10 % are another token, 10 % stay (Devlin et al.
/// 2018, section 3.1).
TEST(Masking, SharesAreThoseOfThePaper) {
  constexpr int64_t kTokens = 40000;
  std::vector<int64_t> before;
  for (int64_t i = 0; i < kTokens; ++i) before.push_back(i % 10 == 0 ? i / 10 % 5 : 20 + i % 60);
  std::vector<int64_t> ids = before;
  std::vector<int64_t> targets(before.size());
  Rng rng{1};
  mask_tokens(masking(), ids.data(), targets.data(), kTokens, rng);
  int64_t asked = 0, hidden = 0, changed = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (targets[i] < 0) {
      EXPECT_EQ(ids[i], before[i]);
      continue;
    }
    ++asked;
    EXPECT_EQ(targets[i], before[i]);
    EXPECT_GE(before[i], 5) << "special tokens are no question";
    hidden += ids[i] == kMask ? 1 : 0;
    changed += ids[i] != kMask && ids[i] != before[i] ? 1 : 0;
    EXPECT_TRUE(ids[i] == kMask || ids[i] >= 5) << "nor are they an answer";
  }
  EXPECT_EQ(asked, 5400);  // of the 36,000 that are not special
  EXPECT_NEAR(static_cast<double>(hidden) / 5400, 0.8, 0.02);
  EXPECT_NEAR(static_cast<double>(changed) / 5400, 0.1, 0.015);
}

TEST(Masking, OfAShortTextOneTokenIsAskedForAndOfNoneNone) {
  Rng rng{2};
  std::vector<int64_t> ids = {2, 40, 3};
  std::vector<int64_t> targets(3);
  mask_tokens(masking(), ids.data(), targets.data(), 3, rng);
  EXPECT_EQ(targets, (std::vector<int64_t>{-1, 40, -1}));
  std::vector<int64_t> empty = {2, 1, 3};
  mask_tokens(masking(), empty.data(), targets.data(), 3, rng);
  EXPECT_EQ(empty, (std::vector<int64_t>{2, 1, 3}));
  EXPECT_EQ(targets, (std::vector<int64_t>{-1, -1, -1}));
}

TEST(Masking, EveryTokenIsAskedForSoonerOrLater) {
  std::set<int64_t> seen;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    std::vector<int64_t> ids = {2, 40, 41, 42, 43, 44, 45, 46, 3};
    std::vector<int64_t> targets(ids.size());
    Rng rng{seed};
    mask_tokens(masking(), ids.data(), targets.data(), std::ssize(ids), rng);
    for (const int64_t target : targets) seen.insert(target);
  }
  EXPECT_EQ(seen, (std::set<int64_t>{-1, 40, 41, 42, 43, 44, 45, 46}));
}

/// Texts in memory, with labels nobody should need.
class Lines final : public Source {
 public:
  explicit Lines(std::vector<std::string> lines) : lines_(std::move(lines)) {
    for (size_t i = 0; i < lines_.size(); ++i) samples_.push_back({std::to_string(i), {1}});
  }
  Content content() const override { return Content::texts; }
  int64_t size() const override { return std::ssize(lines_); }
  const Sample& sample(int64_t i) const override { return samples_[static_cast<size_t>(i)]; }
  Text text(int64_t i) const override { return {lines_[static_cast<size_t>(i)]}; }

 private:
  std::vector<std::string> lines_;
  std::vector<Sample> samples_;
};

View some_texts() {
  std::vector<std::string> lines;
  for (int i = 0; i < 12; ++i) {
    std::string line = "the old tree rests with the red bird and the small river falls on stone";
    for (int k = 0; k < i; ++k) line += " green";
    lines.push_back(line);
  }
  return test::whole(std::make_shared<Lines>(lines));
}

std::vector<int64_t> all_of(const View& view) {
  std::vector<int64_t> order;
  for (int64_t i = 0; i < view.size(); ++i) order.push_back(i);
  return order;
}

/// The masked tokens of each sample.
std::map<int64_t, std::vector<int64_t>> read(MaskedTexts& inputs, const View& view,
                                             std::vector<int64_t> order, const Pass& pass,
                                             int64_t batch, std::shared_ptr<ThreadPool> pool = {}) {
  LoaderOptions options;
  options.batch_size = batch;
  const auto batches = inputs.batches(view, std::move(order), pass, options, std::move(pool));
  std::map<int64_t, std::vector<int64_t>> found;
  while (const auto next = batches->next()) {
    const at::Tensor& ids = next->inputs.at("ids");
    const at::Tensor& targets = next->inputs.at("targets");
    EXPECT_EQ(ids.sizes(), targets.sizes());
    int64_t first = 0;
    for (int64_t i = 0; i < next->size(); ++i) {
      const int64_t size = next->inputs.at("lengths")[i].item<int64_t>();
      const int64_t* id = ids.data_ptr<int64_t>() + first;
      EXPECT_GT(targets.narrow(0, first, size).ge(0).sum().item<int64_t>(), 1);
      found[next->indices[static_cast<size_t>(i)]].assign(id, id + size);
      first += size;
    }
  }
  return found;
}

TEST(MaskedTexts, AreDrawnAnewInTrainingAndNeverElse) {
  const View view = some_texts();
  MaskedTexts inputs(std::make_unique<TextInputs>(word_piece(), view), masking());
  EXPECT_TRUE(inputs.random());
  const auto order = all_of(view);
  const auto first = read(inputs, view, order, {true, 5, 0}, 4);
  EXPECT_EQ(first.size(), 12u);
  EXPECT_EQ(read(inputs, view, order, {true, 5, 0}, 4), first);
  EXPECT_NE(read(inputs, view, order, {true, 5, 1}, 4), first) << "another epoch";
  EXPECT_NE(read(inputs, view, order, {true, 6, 0}, 4), first) << "another seed";
  const auto measured = read(inputs, view, order, {false, 5, 0}, 4);
  EXPECT_NE(measured, first);
  EXPECT_EQ(read(inputs, view, order, {false, 9, 3}, 4), measured) << "runs measure the same";
}

TEST(MaskedTexts, DependOnNothingButTheSample) {
  const View view = some_texts();
  MaskedTexts inputs(std::make_unique<TextInputs>(word_piece(), view), masking());
  const auto expected = read(inputs, view, all_of(view), {true, 5, 2}, 4);
  auto backwards = all_of(view);
  std::ranges::reverse(backwards);
  EXPECT_EQ(read(inputs, view, backwards, {true, 5, 2}, 1), expected);
  EXPECT_EQ(read(inputs, view, backwards, {true, 5, 2}, 12, std::make_shared<ThreadPool>(3)),
            expected);
}

TEST(MaskedTexts, AnExampleAsksForAsMuch) {
  const View view = some_texts();
  const MaskedTexts inputs(std::make_unique<TextInputs>(word_piece(), view), masking(0.5));
  const nn::Flow flow = inputs.example(6);
  const auto tokens = static_cast<double>(flow.at("ids").numel());
  const auto asked = flow.at("targets").ge(0).sum().item<double>();
  EXPECT_NEAR(asked / tokens, 0.5, 0.05);
}

Dataset dataset_of(View train, Target target) {
  Dataset data;
  data.train = std::move(train);
  data.target = target;
  data.classes = {"no", "yes"};
  return data;
}

TEST(MaskedTexts, LongTextsBecomeSeveral) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "the stone falls ";
  Dataset data = dataset_of(
      test::whole(std::make_shared<Lines>(std::vector<std::string>{text, "the bird sings", text})),
      Target::single_label);
  const texts::Preprocess preprocess = word_piece(32);
  ThreadPool pool(2);
  split_long_texts(data, preprocess, pool);
  EXPECT_GT(data.train.size(), 12);
  ASSERT_EQ(data.notes.size(), 1u);
  EXPECT_NE(data.notes.front().find("2 texts have more than 32 tokens"), std::string::npos);
  std::string joined;
  for (int64_t i = 0; i < data.train.size(); ++i) {
    const std::string piece = data.train.text(i).first;
    EXPECT_FALSE(preprocess.apply(piece).cut) << piece;
    joined += piece;
  }
  EXPECT_EQ(joined, text + "the bird sings" + text) << "nothing is lost";
  EXPECT_EQ(data.train.sample(0).id, "0:1");
}

TEST(BareTexts, LabelsAreForgotten) {
  Dataset data = dataset_of(some_texts(), Target::single_label);
  keep_bare_texts(data);
  EXPECT_EQ(data.target, Target::masked_token);
  EXPECT_TRUE(data.classes.empty());
  EXPECT_EQ(data.train.size(), 12);
  EXPECT_TRUE(data.train.sample(3).labels.empty());
  EXPECT_EQ(data.train.text(3), some_texts().text(3));
}

TEST(BareTexts, OfRecordsTheWordsStay) {
  const ScratchDir dir;
  write_text(dir / "train.jsonl",
             "{\"text\": \"a plain \\n one\"}\n"
             "{\"text\": \"another\"}\n");
  write_text(dir / "test.jsonl", "{\"text\": \"measured\"}\n");
  Dataset data = open_dataset(dir.path().string(), 1);
  ASSERT_EQ(data.target, Target::next_token);
  EXPECT_TRUE(holds_plain_text(data));
  keep_bare_texts(data);
  EXPECT_FALSE(holds_plain_text(data));
  std::set<std::string> texts;
  for (const View* view : data.views()) {
    for (int64_t i = 0; i < view->size(); ++i) texts.insert(view->text(i).first);
  }
  EXPECT_EQ(texts, (std::set<std::string>{"a plain \n one", "another", "measured"}));

  const ScratchDir talk;
  write_text(talk / "train.jsonl",
             "{\"messages\": [{\"role\": \"user\", \"content\": \"hello there\"}, {\"role\": "
             "\"assistant\", \"content\": \"good day\"}]}\n");
  Dataset chats = open_dataset({{"train", (talk / "train.jsonl").string()}}, 1);
  EXPECT_FALSE(holds_plain_text(chats));
  keep_bare_texts(chats);
  const std::string words = chats.train.text(0).first;
  EXPECT_NE(words.find("hello there"), std::string::npos);
  EXPECT_NE(words.find("good day"), std::string::npos);
  EXPECT_EQ(words.find("role"), std::string::npos);
}

TEST(BareTexts, PicturesHaveNone) {
  Dataset data = dataset_of(test::whole(std::make_shared<test::MadeSource>(std::vector<int>{0, 1})),
                            Target::single_label);
  EXPECT_GRAFT_ERROR(keep_bare_texts(data), ErrorCode::usage, "pictures");
}

}  // namespace
}  // namespace graft::data
