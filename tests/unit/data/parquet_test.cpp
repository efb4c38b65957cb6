#include <torch/types.h>

#include <cmath>
#include <fstream>

#include "graft/base/error.h"
#include "graft/base/rng.h"
#include "graft/data/dataset.h"
#include "graft/data/format.h"
#include "graft/data/object_reader.h"
#include "graft/data/parquet_rows.h"
#include "graft/data/parquet_shards.h"
#include "tests/support/support.h"

namespace graft::data {
namespace {

namespace fs = std::filesystem;
using graft::test::read_text;
using graft::test::ScratchDir;
using graft::test::write_text;
using Names = std::vector<std::string>;

constexpr auto kUnreadable = ErrorCode::unreadable;

fs::path golden(const std::string& name = "") {
  return graft::test::source_dir() / "tests" / "golden" / "parquet" / name;
}

class Parquet : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!reads_parquet()) GTEST_SKIP() << "built without Arrow (scripts/pyarrow)";
  }
  /// The file as JSON lines, as the script that made it knows its rows.
  fs::path as_lines(const std::string& name) {
    std::string text;
    const Json all = read_json(golden("rows.json"));
    for (const Json& row : all.at(name)) text += row.dump() + "\n";
    const fs::path path = dir_ / (fs::path(name).stem().string() + ".jsonl");
    write_text(path, text);
    return path;
  }
  ScratchDir dir_;
};

Listing open(const fs::path& path, const Json& columns = nullptr) {
  return open_listing(path, "", columns);
}

void expect_same(const Listing& a, const Listing& b, const std::string& what) {
  EXPECT_EQ(a.classes, b.classes) << what;
  EXPECT_EQ(a.target, b.target) << what;
  ASSERT_EQ(a.samples.size(), b.samples.size()) << what;
  for (size_t i = 0; i < a.samples.size(); ++i) {
    EXPECT_EQ(a.samples[i].labels, b.samples[i].labels) << what << " " << i;
    const float x = a.samples[i].value;
    const float y = b.samples[i].value;
    EXPECT_TRUE(x == y || (std::isnan(x) && std::isnan(y))) << what << " " << i;
    EXPECT_EQ(a.text(static_cast<int64_t>(i)), b.text(static_cast<int64_t>(i))) << what << " " << i;
  }
}

TEST_F(Parquet, RowsAreTheObjectsThatWereWritten) {
  const Json all = read_json(golden("rows.json"));
  for (const auto& [name, expected] : all.items()) {
    const auto rows = open_parquet(golden(name));
    EXPECT_EQ(rows->size(), static_cast<int64_t>(expected.size())) << name;
    Json row;
    for (const Json& wanted : expected) {
      ASSERT_TRUE(rows->next(row)) << name;
      EXPECT_EQ(row, wanted) << name;
    }
    EXPECT_FALSE(rows->next(row)) << name;
  }
}

TEST_F(Parquet, GivesTheSamplesOfJsonLines) {
  for (const char* name : {"reviews/data/train-00000-of-00002.parquet", "messages.parquet",
                           "completions.parquet", "preferences.parquet", "texts.parquet"}) {
    const Listing rows = open(golden(name));
    expect_same(rows, open(as_lines(name)), name);
    EXPECT_EQ(rows.samples.front().id, "row:1") << name;
  }
  const Json columns = {{"label", "score"}};
  expect_same(open(golden("pairs.parquet"), columns), open(as_lines("pairs.parquet"), columns),
              "pairs");
  EXPECT_TRUE(open(golden("pairs.parquet"), columns).regression());
}

TEST_F(Parquet, FormatsAreFoundByTheFields) {
  EXPECT_EQ(find_format(golden("messages.parquet"), nullptr)->name, "records");
  EXPECT_EQ(find_format(golden("texts.parquet"), nullptr)->name, "records");
  EXPECT_EQ(find_format(golden("tags.parquet"), nullptr)->name, "jsonl-tags");
  EXPECT_EQ(find_format(golden("pictures.parquet"), nullptr)->name, "image-parquet");
  EXPECT_EQ(find_format(golden("reviews"), nullptr)->name, "jsonl-text");
}

TEST_F(Parquet, AFolderOfShardsHasItsSplits) {
  const Dataset data = open_dataset(golden("reviews").string(), 1);
  EXPECT_EQ(data.classes, (Names{"neg", "pos"}));
  EXPECT_EQ(data.train.size(), 5);
  EXPECT_EQ(data.validation.size(), 2);
  EXPECT_TRUE(data.test.empty());  // without a label in any row
  EXPECT_EQ(data.train.text(4).first, "naïve Ω 日本");
  EXPECT_EQ(data.train.sample(4).id, "row:5");
  std::string notes;
  for (const auto& note : data.notes) notes += note + "\n";
  EXPECT_NE(notes.find("2 record(s) without a label are left out"), std::string::npos) << notes;
}

TEST_F(Parquet, AFileWithoutAnyLabelIsRefused) {
  EXPECT_GRAFT_ERROR(open(golden("reviews/data/test-00000-of-00001.parquet")), kUnreadable,
                     "has no label in any of its 2 records");
}

TEST_F(Parquet, PicturesAreDecoded) {
  const Json expected = read_json(golden("pictures.json"));
  const Listing listing = open(golden("pictures.parquet"));
  EXPECT_EQ(listing.classes, (Names{"calm", "warm"}));
  ASSERT_EQ(listing.samples.size(), 3U);
  for (size_t i = 0; i < 3; ++i) {
    const image::Image picture = listing.load(static_cast<int64_t>(i));
    EXPECT_EQ(picture.width, 6);
    EXPECT_EQ(picture.height, 4);
    for (size_t c = 0; c < 3; ++c)
      EXPECT_EQ(picture.pixels[c], expected["colours"][i][c].get<int>());
    EXPECT_EQ(listing.classes[static_cast<size_t>(listing.samples[i].labels.front())],
              expected["labels"][i].get<std::string>());
  }
}

TEST_F(Parquet, DamageIsAnErrorOrIsRead) {
  for (const char* name : {"types.parquet", "messages.parquet"}) {
    const std::string whole = read_text(golden(name));
    const auto try_it = [&](const std::string& bytes) {
      write_text(dir_ / "x.parquet", bytes);
      try {
        const auto rows = open_parquet(dir_ / "x.parquet");
        Json row;
        for (int i = 0; i < 100 && rows->next(row); ++i)
          row.dump(-1, ' ', false, Json::error_handler_t::replace);
        return true;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), kUnreadable) << error.what();
        return false;
      }
    };
    EXPECT_TRUE(try_it(whole));
    for (size_t size = 0; size < whole.size(); size += 7)
      EXPECT_FALSE(try_it(whole.substr(0, size))) << name << " cut at " << size;
    Rng rng{42};
    for (int i = 0; i < 400; ++i) {
      std::string changed = whole;
      const uint64_t changes = 1 + rng.below(4);
      for (uint64_t k = 0; k < changes; ++k)
        changed[rng.below(changed.size())] = static_cast<char>(rng.below(256));
      try_it(changed);
    }
  }
}

/// Arrow brings libraries that LibTorch brings too; neither may take the other's.
TEST_F(Parquet, LivesBesideLibTorch) {
  const at::Tensor a = at::arange(64 * 64).to(at::kFloat).reshape({64, 64}).div(4096);
  const at::Tensor before = at::mm(a, a);
  Json row;
  for (int i = 0; i < 3; ++i) {
    const auto rows = open_parquet(golden("types.parquet"));
    while (rows->next(row)) EXPECT_TRUE(at::equal(at::mm(a, a), before));
  }
  at::Tensor w = at::ones({64, 64}).requires_grad_(true);
  at::mm(a, w).sum().backward();
  EXPECT_TRUE(w.grad().defined());
  EXPECT_EQ(row.at("string"), nullptr);
}

TEST(ParquetShards, AreFoundBelowFolders) {
  const ScratchDir dir;
  Names notes;
  const auto names = [&](const std::string& folder) {
    notes.clear();
    Names found;
    for (const Part& part : parquet_shards(dir / folder, notes)) {
      found.push_back(std::string(split_name(part.split)) + " " +
                      fs::relative(part.path, dir / folder).generic_string());
    }
    return found;
  };
  for (const char* file : {"hub/default/train/0000.parquet", "hub/default/train/0001.parquet",
                           "hub/default/test/0000.parquet", "plain/a.parquet", "plain/b.parquet",
                           "plain/.part.parquet", "some/train.parquet", "some/more.parquet",
                           "two/sst2/train-00000-of-00001.parquet", "two/cola/train.parquet",
                           "sets/train_sft-00000-of-00001.parquet", "sets/train_gen.parquet"})
    write_text(dir / file, "PAR1");
  EXPECT_EQ(names("hub"),
            (Names{"train default/train/0000.parquet", "train default/train/0001.parquet",
                   "test default/test/0000.parquet"}));
  EXPECT_EQ(names("plain"), (Names{"unsplit a.parquet", "unsplit b.parquet"}));
  EXPECT_EQ(names("some"), (Names{"train train.parquet"}));
  EXPECT_NE(notes.at(0).find("1 Parquet file(s) whose names say no split"), std::string::npos);
  EXPECT_GRAFT_ERROR(names("two"), kUnreadable, "several data sets of Parquet files, in ");
  EXPECT_GRAFT_ERROR(names("sets"), kUnreadable, "for train: train_gen, train_sft");
  EXPECT_TRUE(holds_parquet(dir / "plain"));
  EXPECT_TRUE(holds_parquet(dir / "plain" / "a.parquet"));
  fs::create_directory(dir / "empty");
  EXPECT_FALSE(holds_parquet(dir / "empty"));
  write_text(dir / "photos" / "cats" / "1.jpg", "x");
  write_text(dir / "photos" / "metadata.parquet", "PAR1");
  EXPECT_FALSE(holds_parquet(dir / "photos"));
}

TEST(ParquetRows, WithoutArrowItIsToldWhatToDo) {
  const ScratchDir dir;
  write_text(dir / "train.parquet", "PAR1");
  EXPECT_GRAFT_ERROR(open(dir / "train.parquet"), kUnreadable,
                     reads_parquet() ? "cannot be read as Parquet" : "scripts/pyarrow");
}

}  // namespace
}  // namespace graft::data
