#include "graft/io/tensor_map.h"

#include <ATen/ATen.h>

#include "graft/base/error.h"
#include "tests/support/support.h"

namespace graft::io {
namespace {

TEST(TensorMap, KeepsOrderAndFindsByName) {
  TensorMap map{{"b", at::full({2}, 1.0)}, {"a", at::full({3}, 2.0)}};
  map.set("b", at::full({4}, 3.0));
  map.set("c", at::full({1}, 4.0));
  EXPECT_EQ(map.names(), (std::vector<std::string>{"b", "a", "c"}));
  EXPECT_EQ(map.at("b").numel(), 4);
  EXPECT_EQ(map.find("missing"), nullptr);
  EXPECT_EQ(map.bytes(), (4 + 3 + 1) * 4);
}

TEST(TensorMap, RefusesAnUnknownNameAndADuplicate) {
  TensorMap map{{"layer.weight", at::zeros({2})}};
  EXPECT_GRAFT_ERROR(map.at("layer.wieght"), ErrorCode::unreadable, "layer.weight");
  EXPECT_GRAFT_ERROR(map.add("layer.weight", at::zeros({1})), ErrorCode::unreadable, "two tensors");
  EXPECT_EQ(map.at("layer.weight").numel(), 2);
}

TEST(TensorMap, StripsAPrefix) {
  const TensorMap map{{"module.a", at::zeros({1})}, {"b", at::zeros({2})}};
  EXPECT_EQ(strip_prefix(map, "module.").names(), (std::vector<std::string>{"a", "b"}));
  const TensorMap clash{{"module.a", at::zeros({1})}, {"a", at::zeros({2})}};
  EXPECT_GRAFT_ERROR(strip_prefix(clash, "module."), ErrorCode::unreadable, "'a'");
}

}  // namespace
}  // namespace graft::io
