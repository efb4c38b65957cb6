#include <torch/types.h>

#include "tests/support/support.h"
#include "tests/unit/models/text_case.h"

namespace graft::models::test {
namespace {

class Untied : public testing::TestWithParam<std::string> {};

TEST_P(Untied, AnOutputMatrixOfItsOwnGivesTheSameLogitsAndIsWritten) {
  const at::NoGradGuard no_grad;
  TextCase c(GetParam(), Task::next_token);
  ASSERT_TRUE(head_is_tied(c.model()));
  const at::Tensor before = c.forward();
  c.loaded = untie_head(c.model());
  EXPECT_FALSE(head_is_tied(c.model()));
  EXPECT_EQ(largest_difference(c.forward(), before), 0);
  // The two are apart, here and in the folder.
  const nn::Parameter* output = c.model().registry().find(c.model().output().name);
  ASSERT_NE(output, nullptr);
  output->value->mul_(2);
  const at::Tensor moved = c.forward();
  EXPECT_GT(largest_difference(moved, before), 0.1);
  const graft::test::ScratchDir folder;
  save_model(c.model(), folder.path());
  ModelSource source;
  source.path = folder.path().string();
  source.task = Task::next_token;
  c.loaded = load_model(source);
  EXPECT_EQ(largest_difference(c.forward(), moved), 0);
}

INSTANTIATE_TEST_SUITE_P(Families, Untied,
                         testing::Values("gpt2", "llama_gqa_tied", "gemma2", "qwen3", "mistral"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace graft::models::test
