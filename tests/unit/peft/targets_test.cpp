#include "graft/peft/hf_targets.h"

#include "graft/base/error.h"
#include "tests/support/support.h"

namespace graft {
namespace {

Json golden() {
  return read_json(test::source_dir() / "tests/golden/peft/targets.json");
}

nn::Site linear_site() {
  nn::Site site;
  site.in = site.out = 4;
  return site;
}

TEST(PeftTargets, TheSameLayersAsInPeft) {
  const Json cases = golden();
  ASSERT_GT(cases["targets"].size(), 10u);
  for (const Json& one : cases["targets"]) {
    const peft::Targets targets(one["config"], "here");
    EXPECT_TRUE(targets.exact());
    for (size_t i = 0; i < cases["paths"].size(); ++i) {
      const auto path = cases["paths"][i].get<std::string>();
      EXPECT_EQ(targets.match(path, linear_site()), one["match"][i].get<bool>())
          << one["config"] << " " << path;
    }
  }
}

TEST(PeftTargets, TheSameRanksAndAlphasAsInPeft) {
  const Json cases = golden();
  for (const Json& one : cases["patterns"]) {
    const peft::LayerSettings settings({{"r", 0},
                                        {"lora_alpha", 0},
                                        {"rank_pattern", one["pattern"]},
                                        {"alpha_pattern", one["pattern"]}},
                                       "here");
    for (size_t i = 0; i < cases["paths"].size(); ++i) {
      const Json own = settings.of(cases["paths"][i].get<std::string>());
      EXPECT_EQ(own["r"], one["value"][i]) << one["pattern"] << " " << cases["paths"][i];
      EXPECT_EQ(own["lora_alpha"], one["value"][i]) << one["pattern"] << " " << cases["paths"][i];
    }
  }
}

TEST(PeftTargets, AllLinearAndNothingNamed) {
  nn::Site conv;
  conv.kind = nn::SeamKind::convolution;
  const peft::Targets linear({{"target_modules", "ALL-linear"}}, "here");
  EXPECT_TRUE(linear.match("a.b", linear_site()));
  EXPECT_FALSE(linear.match("a.b", conv));
  EXPECT_FALSE(linear.exact());
  const peft::Targets any({{"target_modules", nullptr}, {"exclude_modules", {"b"}}}, "here");
  EXPECT_TRUE(any.match("a.c", conv));
  EXPECT_FALSE(any.match("a.b", conv));
  EXPECT_FALSE(any.exact());
}

TEST(PeftTargets, WhatIsNoListOfNamesIsAnError) {
  const auto read = [](const Json& config) { const peft::Targets targets(config, "the file"); };
  EXPECT_GRAFT_ERROR(read({{"target_modules", {"a", 3}}}), ErrorCode::unreadable,
                     "the file: target_modules");
  EXPECT_GRAFT_ERROR(read({{"target_modules", {""}}}), ErrorCode::unreadable, "target_modules");
  EXPECT_GRAFT_ERROR(read({{"modules_to_save", 7}}), ErrorCode::unreadable, "modules_to_save");
  EXPECT_GRAFT_ERROR(read({{"layers_to_transform", {1.5}}}), ErrorCode::unreadable,
                     "layers_to_transform");
  EXPECT_GRAFT_ERROR(read({{"layers_pattern", {{"a", 1}}}}), ErrorCode::unreadable,
                     "layers_pattern");
  EXPECT_GRAFT_ERROR(read({{"exclude_modules", "(unclosed"}}), ErrorCode::unreadable, "(unclosed");
  const auto settings = [](const Json& config) {
    const peft::LayerSettings all(config, "the file");
  };
  EXPECT_GRAFT_ERROR(settings({{"rank_pattern", {1, 2}}}), ErrorCode::unreadable, "rank_pattern");
  EXPECT_GRAFT_ERROR(settings({{"alpha_pattern", {{"(?P<n>x)", 2}}}}), ErrorCode::unreadable,
                     "(?P<n>x)");
}

TEST(PathPattern, ReadsPythonsFormsOrRefusesThem) {
  const peft::PathPattern end(R"(q_proj\Z)", "here");
  EXPECT_TRUE(end.matches_end("model.layers.0.q_proj"));
  EXPECT_FALSE(end.matches_end("model.layers.0.q_proj.x"));
  const peft::PathPattern begin(R"(\Amodel\.layers\.0\.q_proj)", "here");
  EXPECT_TRUE(begin.matches("model.layers.0.q_proj"));
  EXPECT_TRUE(begin.matches_end("model.layers.0.q_proj"));
  EXPECT_FALSE(begin.matches_end("base.model.layers.0.q_proj"));
  const peft::PathPattern set(R"([\[\]0A]\d)", "here");
  EXPECT_TRUE(set.matches("A1"));
  EXPECT_TRUE(set.matches("]1"));
  for (const char* other : {"[[:digit:]]", "[]0]", "[^]0]", "x[[=a=]]"}) {
    SCOPED_TRACE(other);
    try {
      const peft::PathPattern pattern(other, "here");
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::unreadable);
    }
  }
}

TEST(PathPattern, MatchesWholePathsAndTheirEnds) {
  const peft::PathPattern name("attention.q_proj", "here");
  EXPECT_TRUE(name.matches("attention.q_proj"));
  EXPECT_TRUE(name.matches("attentionxq_proj")) << "a dot stands for any character";
  EXPECT_FALSE(name.matches("vit.attention.q_proj"));
  EXPECT_TRUE(name.matches_end("vit.attention.q_proj"));
  EXPECT_FALSE(name.matches_end("cross_attention.q_proj"));
  EXPECT_FALSE(name.matches_end("q_proj"));
  const peft::PathPattern either("q_proj|v_proj", "here");
  EXPECT_TRUE(either.matches("v_proj"));
  EXPECT_TRUE(either.matches_end("a.v_proj"));
  EXPECT_FALSE(either.matches_end("a.xv_proj"));
  const peft::PathPattern nothing("", "here");
  EXPECT_FALSE(nothing.matches("a"));
}

TEST(PathPattern, AHostilePatternNeitherHangsNorOverflows) {
  const peft::PathPattern slow("((((a*)*)*)*)*b", "here");
  EXPECT_FALSE(slow.matches(std::string(200, 'a')));
  const peft::PathPattern wide("(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x", "here");
  EXPECT_FALSE(wide.matches_end(std::string(2000, 'a')));
  const std::string deep = std::string(100000, '(') + std::string(100000, ')');
  EXPECT_GRAFT_ERROR(peft::PathPattern(deep, "here"), ErrorCode::unreadable, "groups");
  const std::string long_text(200000, '*');
  EXPECT_GRAFT_ERROR(peft::PathPattern(long_text, "here"), ErrorCode::unreadable, "characters");
  EXPECT_GRAFT_ERROR(peft::PathPattern("(a{100000}){100000}", "here"), ErrorCode::unreadable,
                     "regular expression");
  EXPECT_GRAFT_ERROR(peft::PathPattern(R"((a)\1)", "here"), ErrorCode::unreadable,
                     "regular expression");
}

}  // namespace
}  // namespace graft
