#include <gtest/gtest.h>

#include <cstring>

#include "graft/base/error.h"
#include "graft/report/crc32c.h"
#include "graft/report/event_file.h"
#include "graft/report/run_folder.h"
#include "tests/support/support.h"
#include "tests/unit/report/fixture.h"

namespace graft::report {
namespace {

using test::ScratchDir;

TEST(Crc32c, MatchesRfc3720) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
  EXPECT_EQ(crc32c(""), 0U);
  std::string rising;
  for (char c = 0; c < 32; ++c) rising += c;
  EXPECT_EQ(crc32c(rising), 0x46DD794EU);
}

struct Record {
  std::string message;
  bool good;
};

uint64_t little_endian(const std::string& text, size_t at, int bytes) {
  uint64_t value = 0;
  for (int i = bytes - 1; i >= 0; --i)
    value = value << 8 | static_cast<uint8_t>(text[at + static_cast<size_t>(i)]);
  return value;
}

std::vector<Record> records(const std::string& file) {
  std::vector<Record> found;
  size_t at = 0;
  while (at + 12 <= file.size()) {
    const size_t length = little_endian(file, at, 8);
    if (at + 16 + length > file.size()) break;
    const std::string message = file.substr(at + 12, length);
    const bool good = little_endian(file, at + 8, 4) == masked_crc32c(file.substr(at, 8)) &&
                      little_endian(file, at + 12 + length, 4) == masked_crc32c(message);
    found.push_back({message, good});
    at += 16 + length;
  }
  EXPECT_EQ(at, file.size()) << "bytes that belong to no record";
  return found;
}

TEST(EventFile, FramesEveryRecord) {
  ScratchDir dir;
  {
    EventFile events(dir / EventFile::file_name(1700000000.25), 1700000000.25);
    events.scalar("loss/train", 3, 0.5, 1700000001.0);
    events.scalar("loss/train", 300, 0.25, 1700000002.0);
  }
  const auto found = records(test::read_text(dir / "events.out.tfevents.1700000000.graft"));
  ASSERT_EQ(found.size(), 3u);
  for (const Record& record : found) EXPECT_TRUE(record.good);
  EXPECT_NE(found[0].message.find("brain.Event:2"), std::string::npos);
}

// The bytes that tensorboard 2.21 (EventFileWriter's message, SerializeToString) gives for the same
// event.
TEST(EventFile, WritesTheMessageThatTensorBoardWrites) {
  const std::string hex = "090000a040fc54d94110ac022a130a110a0a6c6f73732f747261696e150000803e";
  std::string mine;
  for (const char c : scalar_event("loss/train", 300, 0.25, 1700000002.5))
    mine += fmt::format("{:02x}", static_cast<uint8_t>(c));
  EXPECT_EQ(mine, hex);
}

TEST(EventFile, ExportsTheCurvesOfARun) {
  ScratchDir dir;
  test::write_run(dir / "run");
  export_events(read_run_folder(dir / "run"), dir / "events.out.tfevents.1.graft", 1e9);
  const auto found = records(test::read_text(dir / "events.out.tfevents.1.graft"));
  // The version; loss, rate, seconds and two kinds of memory for 200 steps, the norm of 150 (the
  // head's stage logs none); loss and accuracy of ten evaluations.
  EXPECT_EQ(found.size(), 1u + 200u * 5 + 150u + 10u * 2);
}

TEST(EventFile, SaysWhereItCannotWrite) {
  ScratchDir dir;
  EXPECT_GRAFT_ERROR(EventFile(dir / "absent" / "file"), ErrorCode::internal, "cannot write");
}

}  // namespace
}  // namespace graft::report
