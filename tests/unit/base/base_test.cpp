#include "tests/support/support.h"

#include <cmath>
#include <numeric>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/base/json.h"
#include "graft/base/mapped_pages.h"
#include "graft/base/options.h"
#include "graft/base/parallel.h"
#include "graft/base/rng.h"
#include "graft/base/units.h"

namespace graft {
namespace {

TEST(Yaml, ScalarsKeepTheirTypes) {
  const Json v =
      parse_yaml("{a: 1, b: 1.5, c: true, d: text, e: '1', f: ~, g: 1e-3, h: [1, x]}", "test");
  EXPECT_TRUE(v["a"].is_number_integer());
  EXPECT_DOUBLE_EQ(v["b"].get<double>(), 1.5);
  EXPECT_TRUE(v["c"].get<bool>());
  EXPECT_EQ(v["d"], "text");
  EXPECT_EQ(v["e"], "1");
  EXPECT_TRUE(v["f"].is_null());
  EXPECT_DOUBLE_EQ(v["g"].get<double>(), 1e-3);
  EXPECT_EQ(v["h"].size(), 2U);
}

TEST(Yaml, WritingAndReadingGivesTheSame) {
  const Json v =
      Json::parse(R"({"a":{"b":[1,2.5,"x"],"c":null,"d":"true","e":"12"},"f":[{"g":1}],"h":[]})");
  EXPECT_EQ(parse_yaml(to_yaml(v), "test"), v) << to_yaml(v);
}

TEST(Yaml, AliasesThatMultiplyAreRefused) {
  std::string text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) text += (k > 0 ? "," : "") + below;
    text += "]\n";
  }
  EXPECT_GRAFT_ERROR(parse_yaml(text, "bomb.yaml"), ErrorCode::usage, "more than 1000000 values");
}

TEST(Yaml, ErrorsNameTheLine) {
  EXPECT_GRAFT_ERROR(parse_yaml("a: 1\nb: [1,\nc: 2", "my.yaml"), ErrorCode::usage,
                     "my.yaml, line");
  EXPECT_GRAFT_ERROR(parse_yaml("a: 1\na: 2", "my.yaml"), ErrorCode::usage, "twice");
}

TEST(Units, SecondsAndBytes) {
  EXPECT_DOUBLE_EQ(parse_seconds("1h30m", "t"), 5400);
  EXPECT_DOUBLE_EQ(parse_seconds("45s", "t"), 45);
  EXPECT_DOUBLE_EQ(parse_seconds(2.5, "t"), 2.5);
  EXPECT_EQ(parse_bytes("2GiB", "m"), int64_t{2} << 30);
  EXPECT_EQ(parse_bytes("1.5 GB", "m"), 1500000000);
  EXPECT_GRAFT_ERROR(parse_seconds("10 parsecs", "budget.time"), ErrorCode::usage, "budget.time");
  EXPECT_GRAFT_ERROR(parse_seconds("-5", "budget.time"), ErrorCode::usage, "budget.time");
  EXPECT_GRAFT_ERROR(parse_bytes("lots", "budget.memory"), ErrorCode::usage, "budget.memory");
}

TEST(Options, DefaultsBoundsAndNearestName) {
  const std::vector<Option> known = {
      integer("r", 8, "rank").at_least(1), number("alpha", 16, "scale"),
      text("init", "kaiming", "how").one_of({"kaiming", "gaussian"})};
  const Options o(known, Json{{"r", 4}}, "method lora");
  EXPECT_EQ(o.integer("r"), 4);
  EXPECT_DOUBLE_EQ(o.number("alpha"), 16);
  EXPECT_GRAFT_ERROR(Options(known, Json{{"alhpa", 4}}, "method lora"), ErrorCode::usage,
                     "did you mean 'alpha'");
  EXPECT_GRAFT_ERROR(Options(known, Json{{"r", 0}}, "method lora"), ErrorCode::usage, "at least 1");
  EXPECT_GRAFT_ERROR(Options(known, Json{{"r", 1.5}}, "method lora"), ErrorCode::usage,
                     "whole number");
  EXPECT_GRAFT_ERROR(Options(known, Json{{"init", "gausian"}}, "method lora"), ErrorCode::usage,
                     "gaussian");
}

TEST(Rng, KeysGiveStreamsAndMomentsAreRight) {
  EXPECT_EQ(Rng({1, 2, 3}).next(), Rng({1, 2, 3}).next());
  EXPECT_NE(Rng({1, 2, 3}).next(), Rng({1, 3, 2}).next());
  Rng rng(7);
  double sum = 0, squares = 0, betas = 0;
  constexpr int kN = 40000;
  for (int i = 0; i < kN; ++i) {
    const double x = rng.normal();
    sum += x;
    squares += x * x;
    betas += rng.beta(0.2, 0.2);
  }
  EXPECT_NEAR(sum / kN, 0, 0.03);
  EXPECT_NEAR(squares / kN, 1, 0.05);
  EXPECT_NEAR(betas / kN, 0.5, 0.02);
  auto order = rng.permutation(100);
  std::sort(order.begin(), order.end());
  for (int64_t i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST(Files, WritingIsAtomicAndPathsStayInside) {
  test::ScratchDir dir;
  write_atomically(dir / "a.txt", "one");
  EXPECT_THROW(write_atomically(dir / "a.txt",
                                [](const ByteSink& sink) {
                                  sink("half", 4);
                                  throw std::runtime_error("stopped");
                                }),
               std::runtime_error);
  EXPECT_EQ(read_file(dir / "a.txt", 100), "one");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1)
      << "a temporary file stayed";
  EXPECT_GRAFT_ERROR(join_inside("/data", "../etc/passwd"), ErrorCode::unreadable,
                     "does not stay inside");
  EXPECT_GRAFT_ERROR(join_inside("/data", "/etc/passwd"), ErrorCode::unreadable,
                     "does not stay inside");
  EXPECT_GRAFT_ERROR(read_file(dir / "a.txt", 2), ErrorCode::unreadable, "at most 2");
}

TEST(Files, ReleasedPagesComeBackAndOtherMemoryStays) {
  const test::ScratchDir scratch;
  std::string bytes(size_t{1} << 20, 'x');
  std::iota(bytes.begin(), bytes.end(), '\0');
  test::write_text(scratch / "big", bytes);
  const MappedFile file(scratch / "big");
  const auto sum = [](const auto& of) {
    return std::accumulate(of.begin(), of.end(), uint64_t{0});
  };
  const uint64_t before = sum(file.bytes());
  const int64_t resident = resident_bytes();
  release_pages(file.bytes().data() + 100, file.bytes().size() - 200);
  EXPECT_LT(resident_bytes(), resident - (int64_t{1} << 19));
  EXPECT_EQ(sum(file.bytes()), before);
  std::vector<uint8_t> own(size_t{1} << 20, 7);
  release_pages(own.data(), own.size());
  release_pages(file.bytes().data(), file.bytes().size() + 1);  // beyond the file: not of it
  EXPECT_EQ(sum(own), 7 * own.size());
}

TEST(Files, FullDiskIsAClearErrorAndTheOldFileStays) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  LineWriter writer("/dev/full");
  EXPECT_GRAFT_ERROR(writer.write("x"), ErrorCode::internal, "free some space");
}

TEST(Files, LineWriterCutsOnResume) {
  test::ScratchDir dir;
  int64_t kept = 0;
  {
    LineWriter writer(dir / "log");
    writer.write("one");
    kept = writer.size();
    writer.write("two");
  }
  LineWriter(dir / "log", kept).write("three");
  EXPECT_EQ(test::read_text(dir / "log"), "one\nthree\n");
}

TEST(Files, LineWriterNeverGrowsALogThatLostItsEnd) {
  test::ScratchDir dir;
  test::write_text(dir / "log", "one\ntwo\nthr");
  LineWriter writer(dir / "log", 20);
  EXPECT_EQ(writer.missing(), 12);
  EXPECT_EQ(writer.size(), 8);
  writer.write("four");
  writer.sync();
  EXPECT_EQ(test::read_text(dir / "log"), "one\ntwo\nfour\n");
  EXPECT_EQ(LineWriter(dir / "empty", 5).missing(), 5);
}

TEST(Files, AFolderLockIsExclusive) {
  test::ScratchDir dir;
  {
    const FolderLock lock(dir.path());
    EXPECT_GRAFT_ERROR(FolderLock(dir.path()), ErrorCode::usage, "in use");
  }
  const FolderLock again(dir.path());
}

TEST(ThreadPool, RunsAllAndRethrows) {
  ThreadPool pool(4);
  std::vector<int> hits(1000);
  pool.for_each(1000, [&](int64_t i) { hits[static_cast<size_t>(i)]++; });
  EXPECT_EQ(std::accumulate(hits.begin(), hits.end(), 0), 1000);
  EXPECT_THROW(pool.for_each(10,
                             [](int64_t i) {
                               if (i == 5) throw std::runtime_error("x");
                             }),
               std::runtime_error);
}

TEST(Clock, ReadsTheProcess) {
  EXPECT_GE(seconds_since_process_start(), 0);
  EXPECT_LT(seconds_since_process_start(), 3600);
  EXPECT_GT(resident_bytes(), 1 << 20);
  EXPECT_GE(peak_resident_bytes(), resident_bytes() / 2);
  EXPECT_GE(usable_cores(), 1);
}

}  // namespace
}  // namespace graft
