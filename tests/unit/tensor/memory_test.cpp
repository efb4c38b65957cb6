#include "graft/tensor/memory.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <atomic>
#include <vector>

#include "graft/base/clock.h"
#include "graft/base/sanitized.h"
#include "graft/tensor/parallel.h"
#include "graft/tensor/phantom.h"

namespace graft {
namespace {

TEST(Memory, CountsTensorsAndGivesTheirPagesBack) {
  install_counting_allocator();
  const int64_t before = live_tensor_bytes();
  const int64_t resident = resident_bytes();
  {
    const at::Tensor large = at::ones({64 << 20}, at::kFloat);
    EXPECT_EQ(live_tensor_bytes() - before, 256 << 20);
    EXPECT_EQ(reinterpret_cast<size_t>(large.data_ptr()) % 64, 0U);
    EXPECT_GE(peak_tensor_bytes(), live_tensor_bytes());
  }
  EXPECT_EQ(live_tensor_bytes(), before);
  release_free_memory();
  EXPECT_LT(resident_bytes(), resident + (64 << 20));
}

TEST(Memory, StepsThatAllocateAlikeFindTheSamePlaces) {
  if (kSanitized) GTEST_SKIP() << "the arena is off where a sanitizer watches every block";
  install_counting_allocator();
  std::vector<void*> first;
  for (int step = 0; step < 3; ++step) {
    std::vector<at::Tensor> alive;
    std::vector<void*> places;
    for (int i = 0; i < 8; ++i) {
      alive.push_back(at::empty({(i % 3 + 1) * 400000}));
      places.push_back(alive.back().data_ptr());
      if (i % 3 == 2) alive.erase(alive.begin());
    }
    if (step == 0)
      first = places;
    else
      EXPECT_EQ(places, first);
  }
}

TEST(Phantom, HasShapeAndLayoutButNoMemory) {
  install_counting_allocator();
  const int64_t before = live_tensor_bytes();
  const int64_t resident = resident_bytes();
  const at::Tensor t = phantom({64, 256, 112, 112}, at::kFloat, true);
  EXPECT_TRUE(t.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_EQ(live_tensor_bytes(), before);
  EXPECT_LT(resident_bytes() - resident, 8 << 20);
  EXPECT_EQ(t.select(0, 63).abs().max().item<float>(), 0);
  EXPECT_TRUE(phantom({2, 3, 4, 5}, at::kFloat, false).is_contiguous());
}

TEST(ParallelFor, CoversEverythingOnceAndRethrows) {
  for (const int threads : {1, 2, 4}) {
    at::set_num_threads(threads);
    std::vector<std::atomic<int>> seen(1000);
    parallel_for(1000, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
    });
    for (const auto& count : seen) EXPECT_EQ(count, 1);
    EXPECT_THROW(parallel_for(10, [](int64_t, int64_t) { throw std::runtime_error("x"); }),
                 std::runtime_error);
  }
  at::set_num_threads(2);
  // Without threads of LibTorch's runtime the loops would be correct and slow: nobody would notice.
  std::atomic<int> calls{0};
  parallel_for(2, [&](int64_t, int64_t) { ++calls; });
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace graft
