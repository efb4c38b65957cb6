#include <filesystem>

#include "graft/base/error.h"
#include "graft/data/archive.h"
#include "graft/data/format.h"
#include "tests/support/support.h"
#include "tests/unit/data/make.h"

namespace graft::data {
namespace {

namespace fs = std::filesystem;
using graft::test::ScratchDir;
using graft::test::write_text;
using test::picture;
using test::png;
using test::TarMember;

constexpr auto kUnreadable = ErrorCode::unreadable;

class Hostile : public ::testing::Test {
 protected:
  Listing open(const std::string& name, const std::string& content) {
    write_text(dir_ / name, content);
    return open_listing(dir_ / name, "", nullptr);
  }
  Listing tar(const std::vector<TarMember>& members) {
    return open("t.tar", test::tar_of(members));
  }
  ScratchDir dir_;
  const std::string png_ = png(picture(8, 8, 1));
};

TEST_F(Hostile, Folders) {
  EXPECT_GRAFT_ERROR(open_listing(dir_ / "nowhere", "", nullptr), kUnreadable,
                     "there is no data at");
  fs::create_directories(dir_ / "empty");
  EXPECT_GRAFT_ERROR(open_listing(dir_ / "empty", "", nullptr), kUnreadable, "no pictures");
  test::write_picture(dir_ / "flat" / "a.png", 1);
  EXPECT_GRAFT_ERROR(open_listing(dir_ / "flat", "", nullptr), kUnreadable, "in no class folders");
  write_text(dir_ / "x.zip", "PK");
  EXPECT_GRAFT_ERROR(open_listing(dir_ / "x.zip", "", nullptr), kUnreadable,
                     "no format that graft reads");
  EXPECT_GRAFT_ERROR(open_listing(dir_ / "flat", "image-foldr", nullptr), ErrorCode::usage,
                     "did you mean 'image-folder'");
}

TEST_F(Hostile, AnUnreadablePictureFailsAloneAndByName) {
  test::write_folder(dir_ / "d", {"a"}, 1);
  write_text(dir_ / "d" / "b" / "bad.jpg", "no picture");
  const Listing listing = open_listing(dir_ / "d", "", nullptr);
  EXPECT_EQ(listing.load(0).width, 24);
  EXPECT_GRAFT_ERROR(listing.load(1), kUnreadable, "b/bad.jpg");
}

TEST_F(Hostile, TarPathsThatLeave) {
  EXPECT_GRAFT_ERROR(tar({{"a/x.png", png_}, {"../b/x.png", png_}}), kUnreadable,
                     "would lie outside");
  EXPECT_GRAFT_ERROR(tar({{"a/../../x.png", png_}}), kUnreadable, "would lie outside");
  EXPECT_GRAFT_ERROR(tar({{"/etc/x.png", png_}}), kUnreadable, "would lie outside");
}

TEST_F(Hostile, TarSizesThatLie) {
  EXPECT_GRAFT_ERROR(tar({{"a/x.png", png_}, {"b/y.png", png_, '0', 100'000}}), kUnreadable,
                     "t.tar");
  EXPECT_GRAFT_ERROR(tar({{"a/x.png", png_, '0', int64_t{5} << 30}}), kUnreadable,
                     "at most 1.00 GiB");
  EXPECT_GRAFT_ERROR(open("t.tar", "this is no tar"), kUnreadable, "t.tar");
  EXPECT_GRAFT_ERROR(open("t.tar", std::string(700, 'x')), kUnreadable, "t.tar");
  EXPECT_GRAFT_ERROR(open("t.tar", ""), kUnreadable, "is empty");
}

TEST_F(Hostile, TarGzThatIsCutOffOrDamaged) {
  std::vector<TarMember> members;
  members.reserve(20);
  for (int i = 0; i < 20; ++i)
    members.push_back(
        {fmt::format("c{}/{}.png", i % 2, i), png(picture(40, 40, static_cast<uint64_t>(i)))});
  const std::string packed = test::gzip(test::tar_of(members));
  EXPECT_EQ(open("t.tar.gz", packed).samples.size(), 20U);
  EXPECT_EQ(open("t.tar.gz", packed + "padding").samples.size(), 20U);
  for (const size_t part : {2, 3, 50, 90}) {
    EXPECT_GRAFT_ERROR(open("t.tar.gz", packed.substr(0, packed.size() * part / 100 + 2)),
                       kUnreadable, "t.tar.gz");
  }
  EXPECT_GRAFT_ERROR(open("t.tar.gz", packed.substr(0, packed.size() - 4)), kUnreadable,
                     "too early");
  std::string flipped = packed;
  flipped[packed.size() - 6] = static_cast<char>(flipped[packed.size() - 6] ^ 1);
  EXPECT_GRAFT_ERROR(open("t.tar.gz", flipped), kUnreadable, "damaged");
  for (size_t at = 20; at < packed.size(); at += packed.size() / 40) {
    std::string damaged = packed;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    EXPECT_THROW(open("t.tar.gz", damaged), Error) << at;  // the check sum at the latest
  }
}

TEST_F(Hostile, TarGzIsBoundedInMemory) {
  write_text(dir_ / "t.tar.gz",
             test::gzip(test::tar_of({{"a/x.png", std::string(3'000'000, 'x')}})));
  const auto keep = [](const std::string&) { return true; };
  EXPECT_GRAFT_ERROR(Archive(dir_ / "t.tar.gz", keep, 1'000'000), kUnreadable,
                     "half of this machine's memory");
  EXPECT_EQ(Archive(dir_ / "t.tar.gz", keep, 4'000'000).members()[0].bytes.size(), 3'000'000U);
  // After the end of the archive a long tail is no padding.
  // NOLINTNEXTLINE(bugprone-string-constructor): as long as it is meant to be.
  const std::string tail(80'000'000, '\0');
  write_text(dir_ / "t.tar.gz", test::gzip(test::tar_of({{"a/x.png", "x"}}) + tail));
  EXPECT_GRAFT_ERROR(Archive(dir_ / "t.tar.gz", keep, 4'000'000), kUnreadable,
                     "after its last member");
}

TEST_F(Hostile, CsvPathsThatLeave) {
  EXPECT_GRAFT_ERROR(open("t.csv", "path,label\n../secret.png,a\n"), kUnreadable, "line 2");
  EXPECT_GRAFT_ERROR(open("t.csv", "path,label\n/etc/secret.png,a\n"), kUnreadable,
                     "does not stay inside");
  EXPECT_GRAFT_ERROR(open("t.csv", "path,label\n,a\n"), kUnreadable, "line 2");
}

TEST_F(Hostile, CsvRowsThatAreBroken) {
  EXPECT_GRAFT_ERROR(open("t.csv", ""), kUnreadable, "is empty");
  EXPECT_GRAFT_ERROR(open("t.csv", "path,label\n"), kUnreadable, "no rows");
  EXPECT_GRAFT_ERROR(open("t.csv", "path,label\n\"x\ny\",a\nz.png,a,b\n"), kUnreadable,
                     "line 4: 3 cell(s)");
  EXPECT_GRAFT_ERROR(open("t.csv", "path,label\n\"x.png,a\ny.png,b\n"), kUnreadable,
                     "line 2: a quote is opened");
  EXPECT_GRAFT_ERROR(open("t.csv", "path,label\n\"x.png\"y,a\n"), kUnreadable,
                     "after a closing quote");
  EXPECT_GRAFT_ERROR(open("t.csv", "path,label\nx.png,a\ny.png,\n"), kUnreadable,
                     "line 3: there is no label");
  EXPECT_GRAFT_ERROR(open("t.csv", "path,label,split\nx.png,a,holdout\n"), kUnreadable,
                     "'holdout'");
  EXPECT_GRAFT_ERROR(open("t.csv", "path,label\nx.png,a\ny.png,b\n"), kUnreadable,
                     "none of its first pictures exists");
  EXPECT_GRAFT_ERROR(open("t.csv", "a,b,c\nx.png,a,1\n"), kUnreadable, "no header");
  EXPECT_GRAFT_ERROR(open("t.csv", "photo,kind\nx.png,a\n"), kUnreadable, "name the columns");
  EXPECT_GRAFT_ERROR(open("t.csv", "path\nx.png\n"), kUnreadable, "no column with labels");
}

TEST_F(Hostile, IdxHeadersThatLie) {
  const auto with_labels = [&](const std::string& images, const std::string& labels) {
    write_text(dir_ / "i" / "train-images-idx3-ubyte.gz", test::gzip(images));
    write_text(dir_ / "i" / "train-labels-idx1-ubyte.gz", test::gzip(labels));
    return open_listing(dir_ / "i", "", nullptr);
  };
  const std::string labels = test::idx({1}, {3});
  EXPECT_EQ(with_labels(test::idx({1, 2, 2}, "abcd"), labels).samples.size(), 1U);
  EXPECT_GRAFT_ERROR(with_labels(test::idx({1U << 31, 28, 28}, "abcd"), labels), kUnreadable,
                     "half of this machine's memory");
  EXPECT_GRAFT_ERROR(with_labels(test::idx({1U << 31, 1, 1}, "abcd"), labels), kUnreadable,
                     "has 4");
  EXPECT_GRAFT_ERROR(with_labels(test::idx({~0U, ~0U, ~0U}, "abcd"), labels), kUnreadable,
                     "half of this machine's memory");
  EXPECT_GRAFT_ERROR(with_labels(test::idx({1, 2, 2}, "abc"), labels), kUnreadable,
                     "claims 1 x 2 x 2 = 4 values and has 3");
  EXPECT_GRAFT_ERROR(with_labels(test::idx({1, 2, 2}, "abcde"), labels), kUnreadable, "has more");
  EXPECT_GRAFT_ERROR(with_labels(test::idx({2, 2, 1}, "abcd"), labels), kUnreadable,
                     "must be as many");
  EXPECT_GRAFT_ERROR(with_labels(test::idx({1, 0, 2}, ""), labels), kUnreadable, "out of bounds");
  EXPECT_GRAFT_ERROR(with_labels(test::idx({0, 2, 2}, ""), test::idx({0}, "")), kUnreadable,
                     "no pictures");
  EXPECT_GRAFT_ERROR(with_labels("short", labels), kUnreadable, "not an IDX file");
  EXPECT_GRAFT_ERROR(with_labels(test::idx({4}, "abcd"), labels), kUnreadable, "not an IDX file");
  fs::remove(dir_ / "i" / "train-labels-idx1-ubyte.gz");
  EXPECT_GRAFT_ERROR(open_listing(dir_ / "i", "", nullptr), kUnreadable, "labels of");
  write_text(dir_ / "p" / "train-images-idx3-ubyte", test::idx({2, 2, 2}, "abcd"));
  write_text(dir_ / "p" / "train-labels-idx1-ubyte", labels);
  EXPECT_GRAFT_ERROR(open_listing(dir_ / "p", "", nullptr), kUnreadable,
                     "claims 2 x 2 x 2 = 8 values");
}

}  // namespace
}  // namespace graft::data
