#include "graft/models/generate.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/io/safetensors.h"
#include "tests/support/support.h"
#include "tests/unit/models/golden.h"

/// Generation with a cache against whole passes and against transformers' generate().
namespace graft::models::test {
namespace {

LoadedModel language_model(const std::filesystem::path& folder) {
  ModelSource source;
  source.path = folder.string();
  source.task = Task::next_token;
  return load_model(source);
}

struct Case {
  explicit Case(const std::string& name)
      : tensors(io::SafetensorsReader(text_golden_folder() / name / "golden.safetensors").all()),
        loaded(language_model(text_golden_folder() / name)) {
    const nn::Flow rows = text_flow(tensors);
    int64_t first = 0;
    for (int64_t b = 0; b < rows.at("lengths").size(0); ++b) {
      const int64_t length = rows.at("lengths")[b].item<int64_t>();
      const at::Tensor ids = rows.at("ids").narrow(0, first, length).to(at::kInt).contiguous();
      prompts.push_back({{ids.data_ptr<int32_t>(), ids.data_ptr<int32_t>() + length}});
      first += length;
    }
    options.max_new_tokens = 20;
    options.context = 1000;
  }
  Model& model() const { return *loaded.model; }

  /// Logits of all tokens, without a cache.
  at::Tensor whole(const std::vector<int32_t>& ids) const {
    nn::Flow flow("ids", at::tensor(ids, at::kInt).to(at::kLong));
    flow["lengths"] = at::full({1}, static_cast<int64_t>(ids.size()), at::kLong);
    nn::Context context;
    return model().forward(flow, context).at("logits");
  }

  io::TensorMap tensors;
  LoadedModel loaded;
  std::vector<Prompt> prompts;
  GenerateOptions options;
};

class Generation : public testing::TestWithParam<std::string> {};
/// Those of which cached and whole passes are the same: under "dynamic" keys stay rotated as they
/// were, as in transformers (README.md of the numbers).
class ExactGeneration : public testing::TestWithParam<std::string> {};

TEST_P(Generation, GreedyEqualsTransformers) {
  const Case c(GetParam());
  const at::Tensor expected = c.tensors.at("greedy").to(at::kInt);
  Generator generator(c.model());
  const auto together = generator.run(c.prompts, c.options);
  ASSERT_EQ(static_cast<int64_t>(together.size()), expected.size(0));
  for (size_t b = 0; b < together.size(); ++b) {
    const at::Tensor row = expected[static_cast<int64_t>(b)].contiguous();
    EXPECT_EQ(together[b].ids,
              (std::vector<int32_t>{row.data_ptr<int32_t>(), row.data_ptr<int32_t>() + 20}));
    EXPECT_EQ(together[b].finish, Finish::length);
    EXPECT_EQ(generator.run({c.prompts[b]}, c.options)[0].ids, together[b].ids);
  }
  // Two at a time: the third begins beside the others' tokens.
  GenerateOptions two = c.options;
  two.batch = 2;
  const auto in_turn = generator.run(c.prompts, two);
  for (size_t b = 0; b < together.size(); ++b) EXPECT_EQ(in_turn[b].ids, together[b].ids);
}

/// Each pass's logits, and that there is one row a text.
TEST_P(ExactGeneration, LogitsEqualThoseOfWholePasses) {
  const Case c(GetParam());
  const at::NoGradGuard no_grad;
  for (const auto type : {at::kFloat, at::kDouble}) {
    if (type == at::kDouble) to_double(c.model());
    nn::KeyValueCache cache(3);
    nn::Context context;
    context.cache = &cache;
    std::vector<std::vector<int32_t>> ids;
    for (const Prompt& p : c.prompts) ids.push_back(p.ids);
    std::vector<size_t> read(3, 0);
    const int64_t limit = GetParam() == "phi3_longrope" ? 16 : 1000;
    for (int step = 0; step < 12; ++step) {
      std::vector<int32_t> fresh;
      std::vector<int64_t> lengths;
      for (size_t b = 0; b < 3; ++b) {
        if (static_cast<int64_t>(read[b]) <= limit && static_cast<int64_t>(ids[b].size()) > limit) {
          cache.clear(static_cast<int64_t>(b));
          read[b] = 0;
        }
        fresh.insert(fresh.end(), ids[b].begin() + static_cast<int64_t>(read[b]), ids[b].end());
        lengths.push_back(static_cast<int64_t>(ids[b].size() - read[b]));
        read[b] = ids[b].size();
      }
      nn::Flow flow("ids", at::tensor(fresh, at::kInt).to(at::kLong));
      flow["lengths"] = at::tensor(lengths, at::kLong);
      cache.begin({0, 1, 2}, flow.at("lengths"));
      const nn::Flow out = c.model().forward(flow, context);
      const at::Tensor logits = out.at("logits");
      ASSERT_EQ(logits.size(0), 3);
      EXPECT_TRUE(at::equal(out.at("lengths"), at::ones({3}, at::kLong)));
      for (size_t b = 0; b < 3; ++b) {
        const at::Tensor expected = c.whole(ids[b])[-1];
        EXPECT_LT(largest_difference(logits[static_cast<int64_t>(b)], expected), 1e-5)
            << "text " << b << ", step " << step;
        ids[b].push_back(static_cast<int32_t>(expected.argmax().item<int64_t>()));
      }
    }
  }
}

const std::vector<std::string> kFamilies = {"gpt2",
                                            "llama",
                                            "llama_gqa_tied",
                                            "llama_bias",
                                            "llama_rope_llama3",
                                            "llama_rope_linear",
                                            "llama_rope_yarn",
                                            "mistral",
                                            "qwen2",
                                            "qwen2_sliding",
                                            "qwen3",
                                            "gemma",
                                            "gemma2",
                                            "gemma3_text",
                                            "phi3",
                                            "phi3_longrope"};

INSTANTIATE_TEST_SUITE_P(Families, Generation, testing::ValuesIn(kFamilies),
                         [](const auto& one) { return one.param; });
INSTANTIATE_TEST_SUITE_P(Dynamic, Generation, testing::Values("llama_rope_dynamic"),
                         [](const auto& one) { return one.param; });
INSTANTIATE_TEST_SUITE_P(Families, ExactGeneration, testing::ValuesIn(kFamilies),
                         [](const auto& one) { return one.param; });

TEST(Generate, BFloat16) {
  const Case c("llama");
  c.model().set_precision(at::kBFloat16);
  for (const auto& result : Generator(c.model()).run(c.prompts, c.options))
    EXPECT_EQ(result.ids.size(), 20U);
}

TEST(Generate, EndTokensAndContext) {
  const Case c("llama");
  Generator generator(c.model());
  const auto whole = generator.run(c.prompts, c.options);
  GenerateOptions options = c.options;
  options.ends = {whole[0].ids[4]};
  const auto cut = generator.run({c.prompts[0]}, options)[0];
  EXPECT_EQ(cut.finish, Finish::end_token);
  const auto first = std::ranges::find(whole[0].ids, whole[0].ids[4]);
  EXPECT_EQ(cut.ids, std::vector<int32_t>(whole[0].ids.begin(), first));
  options = c.options;
  options.context = static_cast<int64_t>(c.prompts[0].ids.size()) + 3;
  const auto full = generator.run({c.prompts[0]}, options)[0];
  EXPECT_EQ(full.finish, Finish::context);
  EXPECT_EQ(full.ids.size(), 3U);
  options.context = static_cast<int64_t>(c.prompts[0].ids.size());
  EXPECT_GRAFT_ERROR(generator.run(c.prompts, options), ErrorCode::usage, "prompt 1 has 9 tokens");
  EXPECT_GRAFT_ERROR(generator.run({{{0, 97}}}, c.options), ErrorCode::usage, "the token 97");
  EXPECT_GRAFT_ERROR(generator.run({{}}, c.options), ErrorCode::usage, "no tokens");
  EXPECT_TRUE(generator.run({}, c.options).empty());
  EXPECT_GRAFT_ERROR(generator.prompt("a"), ErrorCode::unreadable, "no tokenizer");
}

TEST(Generate, SeedsAndBatches) {
  const Case c("qwen3");
  Generator generator(c.model());
  GenerateOptions options = c.options;
  options.sampling = {.temperature = 1.2, .top_k = 30, .top_p = 0.95};
  const auto ids = [&](const std::vector<Prompt>& prompts) {
    std::vector<std::vector<int32_t>> all;
    for (auto& result : generator.run(prompts, options)) all.push_back(std::move(result.ids));
    return all;
  };
  const auto first = ids(c.prompts);
  EXPECT_EQ(ids(c.prompts), first);
  options.batch = 1;
  EXPECT_EQ(ids(c.prompts), first);
  options.seed = 1;
  EXPECT_NE(ids(c.prompts), first);
  // The same prompt again is another draw.
  const auto twice = ids({c.prompts[0], c.prompts[0]});
  EXPECT_NE(twice[0], twice[1]);
}

/// A conversation goes on where it was; one that parts from it is read anew from there.
TEST(Generate, WhatIsKeptChangesNothing) {
  for (const char* name : {"llama", "mistral", "gemma3_text", "phi3_longrope", "gpt2"}) {
    const Case c(name);
    Generator generator(c.model());
    Generator plain(c.model());
    GenerateOptions options = c.options;
    options.keep = true;
    options.max_new_tokens = 5;
    std::vector<int32_t> ids = c.prompts[0].ids;
    for (int turn = 0; turn < 6; ++turn) {
      const auto result = generator.run({{ids}}, options)[0];
      GenerateOptions alone = options;
      alone.keep = false;
      EXPECT_EQ(result.ids, plain.run({{ids}}, alone)[0].ids) << name << ", turn " << turn;
      // The last answer, part of it, or other tokens altogether.
      const auto taken = static_cast<int64_t>(turn % 3 == 2 ? 2 : 5);
      ids.insert(ids.end(), result.ids.begin(), result.ids.begin() + taken);
      ids.push_back(3 + turn);
      if (turn == 4) ids.erase(ids.begin() + 2, ids.begin() + 6);
    }
    // Fewer tokens were read than were given.
    EXPECT_LT(generator.work().read, plain.work().read);
  }
}

TEST(Generate, AWatchSeesAllAndEndsIt) {
  const Case c("gemma2");
  Generator generator(c.model());
  std::vector<size_t> done;
  int asked = 0;
  GenerateWatch watch;
  watch.done = [&](size_t i, const Generated&) { done.push_back(i); };
  watch.stop = [&] { return ++asked > 5; };
  GenerateOptions options = c.options;
  options.batch = 1;
  const auto results = generator.run(c.prompts, options, watch);
  EXPECT_EQ(results[0].finish, Finish::interrupted);
  EXPECT_LT(results[0].ids.size(), 6U);
  EXPECT_EQ(results[2].finish, Finish::interrupted);
  EXPECT_EQ(done, std::vector<size_t>{0});
}

TEST(Generate, AClassifierWritesNothing) {
  ModelSource source;
  source.path = (text_golden_folder() / "llama_classifier").string();
  const LoadedModel loaded = load_model(source);
  EXPECT_GRAFT_ERROR(Generator(*loaded.model), ErrorCode::usage, "classifier");
}

struct Stories {
  Stories() : loaded(language_model(graft::test::source_dir() / "examples/models/stories260K")) {}
  LoadedModel loaded;
};

/// The numbers of ../shared/weights/README.md, computed with numpy from the original file.
TEST(Generate, StoriesGoOn) {
  const Stories s;
  Generator generator(*s.loaded.model);
  GenerateOptions options = generator.options();
  EXPECT_EQ(options.ends, std::vector<int32_t>{2});
  EXPECT_EQ(options.sampling.temperature, 0);
  EXPECT_EQ(generator.context(), 512);
  options.max_new_tokens = 24;
  const Prompt empty = generator.prompt("");
  EXPECT_EQ(empty.ids, std::vector<int32_t>{1});
  const auto result = generator.run({empty}, options)[0];
  EXPECT_EQ(result.ids,
            (std::vector<int32_t>{403, 407, 261, 378, 432, 383, 286, 261, 376, 298, 315, 421,
                                  395, 317, 426, 338, 401, 396, 267, 337, 410, 408, 419, 292}));
  EXPECT_EQ(result.text.substr(0, 43), "Once upon a time, there was a little girl n");
  EXPECT_EQ(generator.run({generator.prompt("Once upon a")}, options)[0].text.substr(0, 17),
            " time, there was ");
}

TEST(Generate, StopTextsLieAcrossTokens) {
  const Stories s;
  Generator generator(*s.loaded.model);
  GenerateOptions options = generator.options();
  options.stop = {"xyz", "girl nam"};
  std::string shown;
  GenerateWatch watch;
  watch.text = [&](size_t, const std::string& text) { shown += text; };
  const auto result = generator.run({generator.prompt("Once upon a time")}, options, watch)[0];
  EXPECT_EQ(result.finish, Finish::stop_text);
  EXPECT_EQ(result.text, ", there was a little ");
  EXPECT_EQ(shown, result.text);
  options.stop = {"</s>"};  // a special token
  options.max_new_tokens = 3;
  EXPECT_EQ(generator.run({generator.prompt("A")}, options)[0].finish, Finish::length);
}

TEST(GenerationConfigFile, SaysHowTheModelIsUsed) {
  const graft::test::ScratchDir scratch;
  std::filesystem::copy(graft::test::source_dir() / "examples/models/stories260K", scratch.path(),
                        std::filesystem::copy_options::recursive);
  const auto config = [&](const std::string& text) {
    graft::test::write_text(scratch / "generation_config.json", text);
    return read_generation_config(*language_model(scratch.path()).model);
  };
  const auto c = config(R"({"do_sample": true, "temperature": 0.6, "top_p": 0.95,
      "eos_token_id": [7, 9, 7], "bos_token_id": 5, "repetition_penalty": 1.1})");
  EXPECT_EQ(c.ends, (std::vector<int32_t>{2, 7, 9}));
  EXPECT_EQ(c.begin, 5);
  EXPECT_EQ(c.sampling.temperature, 0.6);
  EXPECT_EQ(c.sampling.top_k, 50);
  EXPECT_EQ(c.sampling.top_p, 0.95);
  EXPECT_EQ(c.sampling.repetition_penalty, 1.1);
  // Without do_sample its numbers have no meaning.
  const auto greedy = config(R"({"temperature": 0.6, "top_k": 3, "eos_token_id": 8})");
  EXPECT_EQ(greedy.sampling.temperature, 0);
  EXPECT_EQ(greedy.ends, (std::vector<int32_t>{2, 8}));
  EXPECT_GRAFT_ERROR(config(R"({"eos_token_id": "x"})"), ErrorCode::unreadable,
                     "generation_config.json");
  EXPECT_GRAFT_ERROR(config("[]"), ErrorCode::unreadable, "generation_config.json");
  // It goes along when the model is written.
  config("{}");
  const auto loaded = language_model(scratch.path());
  save_model(*loaded.model, scratch / "saved");
  EXPECT_TRUE(std::filesystem::exists(scratch / "saved" / "generation_config.json"));
}

}  // namespace
}  // namespace graft::models::test
