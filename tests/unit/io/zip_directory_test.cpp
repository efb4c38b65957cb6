#include "graft/io/zip_directory.h"

#include <ATen/ATen.h>

#include "graft/base/error.h"
#include "graft/io/torch_pickle.h"
#include "tests/support/support.h"
#include "tests/unit/io/pickle_text.h"

namespace graft::io {
namespace {
using namespace test_pickle;

/// One entry as it will be written; the numbers may lie.
struct Member {
  std::string name, data;
  uint32_t size = 0, packed = 0;
  uint16_t method = 0, flags = 0;
  uint32_t shift = 0;  ///< added to the offset in the directory

  Member(std::string entry, std::string content)
      : name(std::move(entry)),
        data(std::move(content)),
        size(static_cast<uint32_t>(data.size())),
        packed(size) {}
};

struct Zip {
  std::vector<Member> members;
  bool zip64 = false;
  uint16_t more_entries = 0;
  uint32_t directory_shift = 0;

  std::string write() const {
    std::string file, directory;
    for (const auto& m : members) {
      const auto sizes = little(uint32_t{0}) + little(m.packed) + little(m.size);
      const auto name_size = static_cast<uint16_t>(m.name.size());
      const uint64_t offset = file.size() + m.shift;
      const std::string wide = zip64 ? little(uint16_t{1}) + little(uint16_t{24}) +
                                           little(uint64_t{m.size}) + little(uint64_t{m.packed}) +
                                           little(offset)
                                     : "";
      const uint32_t marker = 0xffffffff;
      directory += little(uint32_t{0x02014b50}) + little(uint32_t{0}) + little(m.flags) +
                   little(m.method) + little(uint32_t{0}) +
                   (zip64 ? little(uint32_t{0}) + little(marker) + little(marker) : sizes) +
                   little(name_size) + little(static_cast<uint16_t>(wide.size())) +
                   std::string(10, '\0') + little(zip64 ? marker : static_cast<uint32_t>(offset)) +
                   m.name + wide;
      file += little(uint32_t{0x04034b50}) + little(uint16_t{0}) + little(m.flags) +
              little(m.method) + little(uint32_t{0}) + sizes + little(name_size) +
              little(uint16_t{0}) + m.name + m.data;
    }
    const uint64_t begin = file.size() + directory_shift;
    const auto count = static_cast<uint16_t>(members.size() + more_entries);
    file += directory;
    if (zip64) {
      const uint64_t end = file.size();
      file += little(uint32_t{0x06064b50}) + little(uint64_t{44}) + std::string(12, '\0') +
              little(uint64_t{count}) + little(uint64_t{count}) +
              little(uint64_t{directory.size()}) + little(begin);
      file +=
          little(uint32_t{0x07064b50}) + little(uint32_t{0}) + little(end) + little(uint32_t{1});
    }
    const uint32_t marker = 0xffffffff;
    const auto directory_size = static_cast<uint32_t>(directory.size());
    return file + little(uint32_t{0x06054b50}) + little(uint32_t{0}) + little(count) +
           little(count) + little(zip64 ? marker : directory_size) +
           little(zip64 ? marker : static_cast<uint32_t>(begin)) + little(uint16_t{0});
  }
};

void expect_refused(const Zip& zip, const std::string& part) {
  const std::string file = zip.write();
  EXPECT_GRAFT_ERROR(read_zip_directory(bytes_of(file), "x.pt"), ErrorCode::unreadable, part);
}

/// A checkpoint with the tensor w = 0, 1, 2, 3.
Zip checkpoint() {
  std::string data;
  for (int i = 0; i < 4; ++i) data += little(static_cast<float>(i));
  const std::string object = dict(text("w") + tensor(storage("0", 4), 0, {4}, {1}));
  return {{{"a/data.pkl", pickle(object)}, {"a/byteorder", "little"}, {"a/data/0", data}}};
}

TEST(ZipDirectory, ReadsBothForms) {
  for (const bool zip64 : {false, true}) {
    Zip zip = checkpoint();
    zip.zip64 = zip64;
    const std::string file = zip.write();
    const ZipEntries entries = read_zip_directory(bytes_of(file), "x.pt");
    EXPECT_EQ(entries.size(), 3u);
    EXPECT_EQ(entries.at("a/data/0").data.size(), 16u);
    const TensorMap map = parse_torch_pickle(bytes_of(file), nullptr, "x.pt");
    EXPECT_TRUE(at::equal(map.at("w"), at::arange(4, at::kFloat)));
  }
}

TEST(ZipDirectory, RefusesNamesThatLeadOut) {
  for (const std::string name : {"../../etc/passwd", "/etc/passwd", "a/../../b", "a/..", ""}) {
    expect_refused({{{name, "x"}}}, "leads out");
  }
  expect_refused({{{"a\\..\\b", "x"}}}, "backslash");
  expect_refused({{{std::string("a\0b", 3), "x"}}}, "zero byte");
  expect_refused({{{"a/b", "x"}, {"a/b", "y"}}}, "twice");
}

TEST(ZipDirectory, RefusesLyingNumbers) {
  for (const bool zip64 : {false, true}) {
    const auto with = [&](const auto& change) {
      Zip zip = checkpoint();
      zip.zip64 = zip64;
      change(zip);
      return zip;
    };
    expect_refused(with([](Zip& z) { z.members[2].size = z.members[2].packed = 1 << 30; }),
                   "past the end");
    expect_refused(with([](Zip& z) { z.members[2].size = 17; }), "two sizes");
    expect_refused(with([](Zip& z) { z.members[2].size = z.members[2].packed = 17; }), "directory");
    expect_refused(with([](Zip& z) { z.members[0].size = z.members[0].packed += 40; }),
                   "over one another");
    expect_refused(with([](Zip& z) { z.members[1].shift = 1; }), "not there");
    expect_refused(with([](Zip& z) { z.members[1].shift = 1 << 30; }), "cut off");
    expect_refused(with([](Zip& z) { z.members[1].flags = 1; }), "encrypted");
    expect_refused(with([](Zip& z) { z.more_entries = 1; }), "directory");
    expect_refused(with([](Zip& z) { z.more_entries = 60000; }), "cannot hold");
    expect_refused(with([](Zip& z) { z.directory_shift = 4; }), "the directory");
    expect_refused(with([](Zip& z) { z.directory_shift = 1 << 30; }), "outside the file");
  }
}

TEST(ZipDirectory, RefusesOneEntryUnderManyNames) {
  Zip zip = checkpoint();
  Member alias("a/data/1", "");
  alias.size = alias.packed = 16;
  // Points back at the entry a/data/0, the third.
  uint32_t offset = 0;
  for (size_t i = 0; i < 2; ++i) {
    offset += 30 + static_cast<uint32_t>(zip.members[i].name.size() + zip.members[i].data.size());
  }
  const uint32_t own = offset + 30 + 8 + 16;
  alias.shift = offset - own;
  zip.members.push_back(alias);
  expect_refused(zip, "over one another");
}

TEST(ZipDirectory, StoragesAreComparedWithTheirEntries) {
  const auto refused = [](const Zip& zip, const std::string& part) {
    const std::string file = zip.write();
    EXPECT_GRAFT_ERROR(parse_torch_pickle(bytes_of(file), nullptr, "x.pt"), ErrorCode::unreadable,
                       part);
  };
  Zip zip = checkpoint();
  zip.members[2] = {"a/data/0", std::string(12, '\0')};
  refused(zip, "12 bytes where 16 are expected");
  zip = checkpoint();
  zip.members.pop_back();
  refused(zip, "missing");
  zip = checkpoint();
  zip.members[2].method = 8;
  refused(zip, "compressed");
  zip = checkpoint();
  zip.members[1].data = "big   ";
  refused(zip, "big-endian");
  zip = checkpoint();
  zip.members[0].name = "a/other.pkl";
  refused(zip, "no data.pkl");
  zip = checkpoint();
  zip.members.emplace_back("b/data.pkl", pickle("}"));
  refused(zip, "two files data.pkl");
  zip = checkpoint();
  zip.members[0] = {"a/data.pkl", pickle(global("os", "system") + text("ls") + "\x85R")};
  refused(zip, "os.system");
}

}  // namespace
}  // namespace graft::io
