#include <ATen/ATen.h>

#include "graft/base/error.h"
#include "graft/io/torch_pickle.h"
#include "tests/support/support.h"
#include "tests/unit/io/pickle_text.h"

namespace graft::io {
namespace {
using namespace test_pickle;

TensorMap parse(const std::string& file) {
  return parse_torch_pickle(bytes_of(file), nullptr, "x.pth");
}

void expect_refused(const std::string& file, const std::string& part) {
  EXPECT_GRAFT_ERROR(parse(file), ErrorCode::unreadable, part);
}

/// A file whose state dict has the one tensor "w" on a storage of four floats.
std::string with_tensor(const std::string& described, int64_t elements = 4) {
  return legacy_floats(dict(text("w") + described), elements);
}

TEST(HostilePickle, TheHandWrittenFileIsGoodBeforeItLies) {
  const TensorMap map = parse(with_tensor(tensor(storage("0", 4), 1, {3}, {1})));
  EXPECT_TRUE(at::equal(map.at("w"), at::arange(1, 4, at::kFloat)));
}

TEST(HostilePickle, CodeIsNamedAndNeverRun) {
  const std::vector<std::pair<std::string, std::string>> calls{
      {"os", "system"},
      {"posix", "system"},
      {"builtins", "eval"},
      {"__builtin__", "exec"},
      {"torch", "load"},
      {"torch.storage", "_load_from_bytes"},
      {"subprocess", "Popen"},
      {"torch.hub", "load"},
      {"torch._utils", "_rebuild_qtensor"},
      {"operator", "attrgetter"},
      {"numpy.core.multiarray", "_reconstruct"}};
  for (const auto& [module, name] : calls) {
    const std::string arguments = text("touch /tmp/graft-was-here") + "\x85R";
    const std::string called = fmt::format("{}.{}", module, name);
    expect_refused(with_tensor(global(module, name) + arguments), called);
    expect_refused(with_tensor(text(module) + text(name) + "\x93" + arguments), called);
  }
  EXPECT_FALSE(std::filesystem::exists("/tmp/graft-was-here"));
  expect_refused(with_tensor(global("torch", std::string(5000, 'F'))), "too long");
}

TEST(HostilePickle, OtherWaysToCallAreNoOperations) {
  const std::string list = "]";
  expect_refused(with_tensor(list + ")\x81"), "0x81");                          // NEWOBJ
  expect_refused(with_tensor(list + ")}\x92"), "0x92");                         // NEWOBJ_EX
  expect_refused(with_tensor("(ios\nsystem\n"), "0x69");                        // INST
  expect_refused(with_tensor("(" + list + "o"), "0x6f");                        // OBJ
  expect_refused(with_tensor("\x82\x01"), "0x82");                              // EXT1
  expect_refused(with_tensor("P0\n"), "0x50");                                  // PERSID
  expect_refused(with_tensor(list + "}b"), "attributes to an object");          // BUILD
  expect_refused(with_tensor(text("os.system") + ")R"), "not executed");        // REDUCE of a text
  expect_refused(with_tensor(global("torch", "Size") + "}R"), "not executed");  // no tuple
}

TEST(HostilePickle, StackAndMemoAreChecked) {
  expect_refused(with_tensor("0000000"), "empty stack");
  expect_refused(with_tensor("\x87"), "empty stack");
  expect_refused(with_tensor("u"), "a key has no value");
  expect_refused(with_tensor("t"), "a mark is missing");
  expect_refused(with_tensor("h\x07"), "never stored");
  expect_refused(with_tensor("j\xff\xff\xff\xff"), "never stored");
  expect_refused(with_tensor("Nr\xff\xff\xff\xff"), "too many");
  expect_refused(with_tensor("NNa"), "not a container");
  expect_refused(with_tensor("(NNNu"), "not a container");
  expect_refused(legacy("N", "", ""), "not a dict");
  expect_refused(legacy("", "", ""), "empty stack");
  expect_refused(legacy("X\xff\xff\xff\x7f", "", ""), "cut off");
  expect_refused(legacy("\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "", ""), "cut off");
  expect_refused(legacy("\x8b\xff\xff\xff\xff", "", ""), "cut off");
  expect_refused("\x80\x09N.", "protocol is 9");
}

TEST(HostilePickle, NestingAndRepetitionCostNoMoreThanTheFile) {
  constexpr int kDeep = 500000;
  // Dicts in dicts, far deeper than any stack of calls.
  std::string deep;
  for (int i = 0; i < kDeep; ++i) deep += "}" + text("model");
  deep += "N" + std::string(kDeep, 's');
  expect_refused(legacy(deep, "", ""), "nested too deeply");
  // A dict that holds itself.
  expect_refused(legacy("}q\x01" + text("model") + "h\x01s", "", ""), "nested too deeply");
  expect_refused(legacy(std::string(kDeep, '(') + "N", "", ""), "not a dict");
  expect_refused(legacy(std::string(kDeep, ']') + std::string(kDeep - 1, 'a'), "", ""),
                 "not a dict");
  expect_refused(legacy("]" + std::string((1 << 22) + 1, 'N'), "", ""), "too many values");
  // Each list holds the one before twice: 2^100 items if anyone counted them.
  std::string doubling = "]q\x01";
  for (int i = 0; i < 100; ++i)
    doubling +=
        "](h\x01h\x01"
        "eq\x01";
  expect_refused(legacy(doubling, "", ""), "not a dict");
  // One long list of pairs as the argument of many calls.
  std::string pairs = "](";
  for (int i = 0; i < 50000; ++i) pairs += text("k") + "N\x86";
  pairs += "eq\x02";
  for (int i = 0; i < 1000; ++i) pairs += global("collections", "OrderedDict") + "h\x02\x85R0";
  expect_refused(legacy(pairs, "", ""), "copies too many");
}

TEST(HostilePickle, ViewsStayInsideTheirStorage) {
  const int64_t huge = std::numeric_limits<int64_t>::max();
  const std::string four = storage("0", 4);
  expect_refused(with_tensor(tensor(four, 0, {5}, {1})), "does not lie inside");
  expect_refused(with_tensor(tensor(four, 1, {4}, {1})), "does not lie inside");
  expect_refused(with_tensor(tensor(four, -1, {2}, {1})), "does not lie inside");
  expect_refused(with_tensor(tensor(four, 3, {2}, {-1})), "does not lie inside");
  expect_refused(with_tensor(tensor(four, 0, {-2}, {1})), "does not lie inside");
  expect_refused(with_tensor(tensor(four, 0, {2, 2}, {1})), "does not lie inside");
  expect_refused(with_tensor(tensor(four, 0, {2}, {huge})), "does not lie inside");
  expect_refused(with_tensor(tensor(four, 0, {3}, {huge})), "does not lie inside");
  expect_refused(with_tensor(tensor(four, huge, {1}, {1})), "does not lie inside");
  expect_refused(with_tensor(tensor(four, 0, {huge, huge}, {0, 0})), "does not lie inside");
  expect_refused(with_tensor(tensor(four, 0, {int64_t{1} << 40}, {0})), "repeats 4 elements");
  expect_refused(with_tensor(tensor(four, 5, {0}, {1})), "does not lie inside");
  EXPECT_EQ(parse(with_tensor(tensor(four, 4, {0}, {1}))).at("w").numel(), 0);
  EXPECT_EQ(parse(with_tensor(tensor(four, 3, {1, 1}, {huge, huge}))).at("w").item<float>(), 3);
}

TEST(HostilePickle, StoragesMustAgreeWithTheFile) {
  const auto object = [](const std::string& from) {
    return dict(text("w") + tensor(from, 0, {2}, {1}));
  };
  const std::string data = little<int64_t>(4) + std::string(16, '\0');
  expect_refused(legacy(object(storage("0", 5)), text("0"), data), "5 are expected");
  expect_refused(legacy(object(storage("0", -4)), text("0"), little<int64_t>(-4)), "claims -4");
  const int64_t huge = std::numeric_limits<int64_t>::max();
  expect_refused(legacy(object(storage("0", huge)), text("0"), little(huge)), "claims");
  expect_refused(legacy(object(storage("0", 1 << 30)), text("0"), little<int64_t>(1 << 30)),
                 "past the end");
  expect_refused(legacy(object(storage("0", 4)), text("0"), data.substr(0, 20)), "past the end");
  expect_refused(legacy(object(storage("0", 4)), text("0"), ""), "truncated");
  expect_refused(legacy(object(storage("0", 4)), "", ""), "missing");
  expect_refused(legacy(object(storage("0", 4)), text("1"), data), "does not agree");
  expect_refused(legacy(object(storage("0", 4)), text("0") + text("0"), data + data), "not agree");
  expect_refused(
      legacy(object(storage("0", 4, "FloatStorage", tuple(text("1") + integer(0) + integer(1)))),
             text("0"), data),
      "views of storages");
  const std::string both = dict(text("a") + tensor(storage("0", 4), 0, {2}, {1}) + text("b") +
                                tensor(storage("0", 2, "DoubleStorage"), 0, {2}, {1}));
  expect_refused(legacy(both, text("0"), data), "in two ways");
  expect_refused(legacy(object(text("storage") + "Q"), text("0"), data), "other than a tensor's");
  expect_refused(legacy(object("N"), text("0"), data), "not made of a storage");
}

TEST(HostilePickle, TheDictMustBeOneOfTensors) {
  const std::string good = tensor(storage("0", 4), 0, {4}, {1});
  expect_refused(legacy_floats(good, 4), "not a dict of tensors");
  expect_refused(legacy_floats(dict(text("w") + good + text("w") + good), 4), "stands there twice");
  expect_refused(legacy(dict(text("epoch") + "K\x01"), "", ""), "epoch");
  const std::string one = dict(text("w") + good);
  expect_refused(legacy_floats(dict(text("a") + one + text("b") + one), 4), "several");
  const std::string nested = dict(text("model") + dict(text("ema") + one + text("step") + "K\x01"));
  EXPECT_EQ(parse(legacy_floats(nested, 4)).names(), std::vector<std::string>{"w"});
  const std::string mixed = dict(text("w") + good + text("note") + text("hello"));
  EXPECT_EQ(parse(legacy_floats(mixed, 4)).names(), std::vector<std::string>{"w"});
}

TEST(HostilePickle, ByteOrderAndMagicAreChecked) {
  expect_refused("", "not a file that torch.save wrote");
  expect_refused("hello, world", "not a file that torch.save wrote");
  expect_refused(pickle("}"), "not a file that torch.save wrote");
  std::string big = with_tensor(tensor(storage("0", 4), 0, {4}, {1}));
  const size_t flag = big.find("little_endian") + 13;
  big[flag] = '\x89';
  expect_refused(big, "big-endian");
}

TEST(HostilePickle, Python2ItemsOfAnOrderedDictAreRead) {
  const std::string pairs = "](](" + text("w") + tensor(storage("0", 4), 0, {4}, {1}) + "ee";
  const std::string object = global("collections", "OrderedDict") + pairs + "\x85R";
  EXPECT_EQ(parse(legacy_floats(object, 4)).at("w").numel(), 4);
  expect_refused(legacy_floats(global("collections", "OrderedDict") + "](Ne\x85R", 4), "pairs");
}

}  // namespace
}  // namespace graft::io
