#include "graft/io/safetensors.h"

#include <ATen/ATen.h>

#include <cstring>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/io/tensor_bytes.h"
#include "tests/support/support.h"

namespace graft::io {
namespace {
using test::ScratchDir;

const std::map<std::string, at::ScalarType> kGoldenTypes{
    {"f64", at::kDouble},         {"f32", at::kFloat},        {"f16", at::kHalf},
    {"bf16", at::kBFloat16},      {"i64", at::kLong},         {"i32", at::kInt},
    {"i16", at::kShort},          {"i8", at::kChar},          {"u8", at::kByte},
    {"bool", at::kBool},          {"u16", at::kUInt16},       {"u32", at::kUInt32},
    {"u64", at::kUInt64},         {"c64", at::kComplexFloat}, {"f8_e4m3", at::kFloat8_e4m3fn},
    {"f8_e5m2", at::kFloat8_e5m2}};

std::filesystem::path golden(const std::string& name) {
  return test::source_dir() / "tests/golden/io" / name;
}

/// A file of the given header text (its length in front) and `data_bytes` zero bytes.
std::string file_of(const std::string& header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string file(reinterpret_cast<const char*>(&length), sizeof length);
  return file + header + std::string(data_bytes, '\0');
}

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

void expect_refused(const std::string& file, const std::string& part) {
  EXPECT_GRAFT_ERROR(parse_safetensors_header(bytes_of(file), "x.safetensors"),
                     ErrorCode::unreadable, part);
  EXPECT_GRAFT_ERROR(parse_safetensors_header(bytes_of(file), "x.safetensors"),
                     ErrorCode::unreadable, "x.safetensors");
}

TEST(Safetensors, ReadsEveryTypeOfTheReference) {
  const SafetensorsReader reader(golden("types.safetensors"));
  EXPECT_EQ(reader.names().size(), kGoldenTypes.size() + 3);
  EXPECT_EQ(reader.metadata().at("format"), "pt");
  EXPECT_EQ(reader.metadata().at("note"), "quote \" and ü");
  for (const auto& [name, type] : kGoldenTypes) {
    const at::Tensor tensor = reader.tensor(name);
    EXPECT_EQ(tensor.scalar_type(), type) << name;
    const at::Tensor count = at::arange(6).reshape({2, 3}).to(type);
    EXPECT_TRUE(at::equal(tensor.to(at::kComplexDouble), count.to(at::kComplexDouble))) << name;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.const_data_ptr()) % kAlignment, 0u) << name;
  }
  EXPECT_EQ(reader.tensor("scalar").item<float>(), 7.5f);
  EXPECT_EQ(reader.tensor("scalar").dim(), 0);
  EXPECT_EQ(reader.tensor("empty").sizes(), (at::IntArrayRef{0, 4}));
  EXPECT_EQ(reader.info("wide").bytes, 256u);
  EXPECT_GRAFT_ERROR(reader.tensor("wyde"), ErrorCode::unreadable, "wide");
}

TEST(Safetensors, ViewsAreOfTheFileWhereverTheyLie) {
  const SafetensorsReader reader(golden("types.safetensors"));
  const TensorMap views = reader.views();
  const TensorMap copies = reader.all();
  ASSERT_EQ(views.size(), copies.size());
  for (const auto& [name, tensor] : copies)
    EXPECT_TRUE(at::equal(views.find(name)->to(at::kComplexDouble), tensor.to(at::kComplexDouble)));
  const auto place = [&](const char* name) {
    return static_cast<const uint8_t*>(views.find(name)->const_data_ptr());
  };
  const auto apart = [&](const char* a, const char* b) {
    return static_cast<ptrdiff_t>(reader.info(b).begin) -
           static_cast<ptrdiff_t>(reader.info(a).begin);
  };
  EXPECT_EQ(place("wide") - place("scalar"), apart("scalar", "wide"));
}

TEST(Safetensors, WritesTheBytesOfTheReferenceButForThePadding) {
  const ScratchDir scratch;
  const SafetensorsReader reader(golden("types.safetensors"));
  write_safetensors(scratch / "copy.safetensors", reader.all(), reader.metadata());
  const std::string ours = read_file(scratch / "copy.safetensors", 1 << 20);
  const std::string theirs = read_file(golden("types.safetensors"), 1 << 20);
  uint64_t our_header = 0, their_header = 0;
  std::memcpy(&our_header, ours.data(), 8);
  std::memcpy(&their_header, theirs.data(), 8);
  EXPECT_EQ((8 + our_header) % kAlignment, 0u);
  const auto text = [](const std::string& file, uint64_t length) {
    return file.substr(8, file.substr(8, length).find_last_not_of(' ') + 1);
  };
  EXPECT_EQ(text(ours, our_header), text(theirs, their_header));
  EXPECT_EQ(ours.substr(8 + our_header), theirs.substr(8 + their_header));
}

TEST(Safetensors, AlignedTensorsAreViewsThatOutliveTheReaderAndNeverChangeTheFile) {
  const ScratchDir scratch;
  const auto path = scratch / "a.safetensors";
  write_safetensors(path, {{"a", at::arange(16, at::kFloat)}, {"b", at::arange(3, at::kFloat)}});
  const std::string before = read_file(path, 1 << 20);
  at::Tensor first, again;
  {
    const SafetensorsReader reader(path);
    first = reader.tensor("a");
    again = reader.tensor("a");
    EXPECT_EQ(first.const_data_ptr(), again.const_data_ptr());
  }
  first.fill_(9);
  EXPECT_EQ(again.sum().item<float>(), 9 * 16);
  EXPECT_EQ(read_file(path, 1 << 20), before);
  EXPECT_EQ(SafetensorsReader(path).tensor("a").sum().item<float>(), 120);
}

TEST(Safetensors, WritesLogicalOrderWhateverTheStrides) {
  const ScratchDir scratch;
  const at::Tensor image = at::arange(24, at::kFloat).reshape({1, 2, 3, 4});
  const TensorMap map{{"last", image.contiguous(at::MemoryFormat::ChannelsLast)},
                      {"transposed", image.reshape({4, 6}).t()},
                      {"repeated", at::ones({1}).expand({5})},
                      {"conjugated", at::view_as_complex(at::ones({3, 2})).conj()},
                      {"learned", at::ones({2}).set_requires_grad(true)}};
  write_safetensors(scratch / "a.safetensors", map);
  const SafetensorsReader reader(scratch / "a.safetensors");
  EXPECT_EQ(reader.metadata().at("format"), "pt");
  for (const auto& [name, tensor] : map) {
    const at::Tensor back = reader.tensor(name);
    EXPECT_TRUE(back.is_contiguous() && at::equal(back, tensor)) << name;
  }
  write_safetensors(scratch / "none.safetensors", {}, {});
  EXPECT_TRUE(SafetensorsReader(scratch / "none.safetensors").names().empty());
}

TEST(Safetensors, RefusesToWriteWhatTheFormatLacks) {
  const ScratchDir scratch;
  const auto path = scratch / "a.safetensors";
  EXPECT_GRAFT_ERROR(write_safetensors(path, {{"z", at::zeros({2}, at::kComplexDouble)}}),
                     ErrorCode::usage, "'z'");
  EXPECT_GRAFT_ERROR(write_safetensors(path, {{"\xff", at::zeros({2})}}), ErrorCode::usage,
                     "UTF-8");
  EXPECT_GRAFT_ERROR(write_safetensors(path, {{"__metadata__", at::zeros({2})}}), ErrorCode::usage,
                     "__metadata__");
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Safetensors, BooleansOtherThanZeroAndOneAreMadeSound) {
  std::string file = file_of(R"({"b":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}})", 3);
  file[file.size() - 1] = 7;
  const at::Tensor flags = SafetensorsReader(bytes_of(file), nullptr, "x").tensor("b");
  EXPECT_EQ(static_cast<const uint8_t*>(flags.const_data_ptr())[2], 1);
}

TEST(Safetensors, RefusesABrokenFrame) {
  expect_refused("", "0 bytes");
  expect_refused("1234567", "7 bytes");
  std::string lies = file_of("{}", 0);
  lies[0] = 3;
  expect_refused(lies, "claims 3 bytes");
  lies[7] = 0x7f;
  expect_refused(lies, "100000000 are allowed");
  expect_refused(file_of("", 0), "begin with '{'");
  expect_refused(file_of(" {}", 0), "begin with '{'");
  expect_refused(file_of(std::string("{}\0x", 4), 0), "zero byte");
  expect_refused(file_of("{}", 5), "belong to none");
  EXPECT_EQ(parse_safetensors_header(bytes_of(file_of("{}   ", 0)), "x").tensors.size(), 0u);
}

TEST(Safetensors, RefusesWhatIsNotTheSchema) {
  const auto one = [](const std::string& fields) { return file_of("{\"a\":{" + fields + "}}", 4); };
  expect_refused(file_of("{", 0), "invalid JSON");
  expect_refused(file_of("{}{}", 0), "invalid JSON");
  expect_refused(file_of("{\"a\":1}", 0), "a number");
  expect_refused(file_of("{\"a\":[]}", 0), "a list");
  expect_refused(file_of("{\"a\":null}", 0), "null");
  expect_refused(file_of("{\"__metadata__\":{\"k\":1}}", 0), "a number");
  expect_refused(file_of("{\"__metadata__\":{\"k\":\"v\",\"k\":\"w\"}}", 0), "twice");
  expect_refused(file_of("{\"__metadata__\":{\"k\":{}}}", 0), "an object");
  expect_refused(one(R"("dtype":"F32","shape":[1])"), "lacks");
  expect_refused(one(R"("dtype":"F31","shape":[1],"data_offsets":[0,4])"), "'F31'");
  expect_refused(one(R"("dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4])"), "twice");
  expect_refused(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1)"), "'x'");
  expect_refused(one(R"("dtype":"F32","shape":[1],"data_offsets":[0])"), "two offsets");
  expect_refused(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,2,4])"), "two offsets");
  expect_refused(one(R"("dtype":"F32","shape":[[1]],"data_offsets":[0,4])"), "a list");
  expect_refused(one(R"("dtype":"F32","shape":["1"],"data_offsets":[0,4])"), "a text");
  expect_refused(one(R"("dtype":"F32","shape":[true],"data_offsets":[0,4])"), "boolean");
  expect_refused(one(R"("dtype":"F32","shape":[1.5],"data_offsets":[0,4])"), "1.5");
  expect_refused(one(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])"), "negative");
  expect_refused(one(R"("dtype":"F32","shape":[1],"data_offsets":[-4,0])"), "negative");
  expect_refused(one(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])"), "before it begins");
  expect_refused(one(R"("dtype":[],"shape":[1],"data_offsets":[0,4])"), "a list");
  expect_refused(file_of("{\"\xff\":{}}", 0), "invalid JSON");
  expect_refused(file_of("{" + std::string(100000, '['), 0), "invalid JSON");
  std::string deep = "{\"a\":{\"dtype\":";
  for (int i = 0; i < 100000; ++i) deep += "{\"a\":";
  expect_refused(file_of(deep, 0), "an object");
}

TEST(Safetensors, RefusesLyingSizes) {
  const auto entry = [](const std::string& name, const std::string& shape,
                        const std::string& range) {
    return "\"" + name + R"(":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + range +
           "}";
  };
  const auto two = [&](const std::string& a, const std::string& b) {
    return "{" + a + "," + b + "}";
  };
  const std::string first = entry("a", "[2]", "[0,8]");
  expect_refused(file_of("{" + first + "}", 4), "truncated");
  expect_refused(file_of("{" + first + "}", 12), "belong to none");
  expect_refused(file_of(two(first, entry("b", "[2]", "[4,12]")), 12), "overlaps");
  expect_refused(file_of(two(first, entry("b", "[2]", "[0,8]")), 8), "overlaps");
  expect_refused(file_of(two(first, entry("b", "[2]", "[12,20]")), 20), "hole");
  expect_refused(file_of("{" + entry("b", "[2]", "[4,12]") + "}", 12), "hole");
  expect_refused(file_of(two(first, entry("a", "[2]", "[8,16]")), 16), "stands there twice");
  expect_refused(file_of("{" + entry("a", "[3]", "[0,8]") + "}", 8), "does not fit");
  expect_refused(file_of("{" + entry("a", "[4611686018427387904,2]", "[0,8]") + "}", 8), "not fit");
  expect_refused(file_of("{" + entry("a", "[2147483648,2147483648,4]", "[0,0]") + "}", 0),
                 "not fit");
  expect_refused(file_of("{" + entry("a", "[4611686018427387904,4,0]", "[0,0]") + "}", 0),
                 "not fit");
  expect_refused(file_of("{" + entry("a", "[18446744073709551615]", "[0,8]") + "}", 8),
                 "too large");
  expect_refused(
      file_of("{" + entry("a", "[2]", "[9223372036854775800,9223372036854775807]") + "}", 8),
      "does not fit");
  std::string many = "[1";
  for (int i = 0; i < 100; ++i) many += ",1";
  expect_refused(file_of("{" + entry("a", many + "]", "[0,4]") + "}", 4), "too many dimensions");
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const std::string whole = read_file(golden("types.safetensors"), 1 << 20);
  for (size_t length = 0; length < whole.size(); length += 7) {
    EXPECT_THROW(parse_safetensors_header(bytes_of(whole).first(length), "x"), Error) << length;
  }
}

}  // namespace
}  // namespace graft::io
