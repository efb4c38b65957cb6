#include "graft/tensor/arena.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace graft {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

TEST(Arena, FreedNeighboursJoinAndServeLargerBlocks) {
  Arena arena(size_t{4} << 30);
  std::vector<void*> blocks;
  blocks.reserve(4);
  for (int i = 0; i < 4; ++i) blocks.push_back(arena.take(3 * kMiB));
  void* above = arena.take(kMiB);
  for (const int i : {1, 3, 0, 2}) arena.give(blocks[static_cast<size_t>(i)], 3 * kMiB);
  EXPECT_EQ(arena.take(12 * kMiB), blocks[0]);
  EXPECT_GT(above, blocks[0]);
}

TEST(Arena, KeepsWhatIsAliveWhole) {
  Arena arena(size_t{2} << 30);
  struct Held {
    unsigned char* block;
    size_t bytes;
    unsigned char mark;
  };
  std::mt19937 random(1);
  std::vector<Held> held;
  for (int i = 0; i < 3000; ++i) {
    if (held.empty() || random() % 5 < 3) {
      const size_t bytes = 1 + random() % (3 * kMiB);
      auto* block = static_cast<unsigned char*>(arena.take(bytes));
      if (!block) continue;
      ASSERT_EQ(reinterpret_cast<size_t>(block) % 64, 0U);
      ASSERT_TRUE(arena.owns(block));
      const auto mark = static_cast<unsigned char>(random());
      block[0] = block[bytes / 2] = block[bytes - 1] = mark;
      held.push_back({block, bytes, mark});
    } else {
      const size_t at = random() % held.size();
      const Held h = held[at];
      ASSERT_EQ(h.block[0], h.mark);
      ASSERT_EQ(h.block[h.bytes / 2], h.mark);
      ASSERT_EQ(h.block[h.bytes - 1], h.mark);
      arena.give(h.block, h.bytes);
      held[at] = held.back();
      held.pop_back();
      if (random() % 7 == 0) arena.trim(random() % (64 * kMiB));
    }
  }
}

TEST(Arena, GivesPagesBackBeyondTheLimit) {
  Arena arena(size_t{2} << 30);
  void* block = arena.take(64 * kMiB);
  std::memset(block, 1, 64 * kMiB);
  EXPECT_GE(arena.resident(), 64 * kMiB);
  arena.give(block, 64 * kMiB);
  arena.trim(20 * kMiB);
  EXPECT_LE(arena.resident(), 20 * kMiB);
  arena.trim(0);
  EXPECT_EQ(arena.resident(), 0U);
  // What was given back reads as zero when it is used again.
  auto* again = static_cast<unsigned char*>(arena.take(64 * kMiB));
  EXPECT_EQ(again, block);
  EXPECT_EQ(again[63 * kMiB], 0);
}

TEST(Arena, IsEmptyWhereThereIsNoSpace) {
  Arena none(0);
  EXPECT_EQ(none.take(64), nullptr);
  Arena small(size_t{1} << 30);
  EXPECT_EQ(small.take(size_t{3} << 30), nullptr);
}

}  // namespace
}  // namespace graft
