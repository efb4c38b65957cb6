#include "graft/io/npy.h"

#include "tests/support/support.h"

namespace graft::io {
namespace {

TEST(Npy, IsWhatNumpyWrites) {
  const test::ScratchDir dir;
  write_npy(dir / "m.npy", {1, -2.5F, 3, 4, 5, 6}, 3);
  // numpy.save of numpy.array([[1, -2.5, 3], [4, 5, 6]], dtype="float32")
  std::string expected("\x93NUMPY\x01\x00\x76\x00", 10);
  expected += "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  expected.resize(127, ' ');
  expected += '\n';
  const std::string bytes = test::read_text(dir / "m.npy");
  ASSERT_EQ(bytes.size(), 128 + 6 * 4);
  EXPECT_EQ(bytes.substr(0, 128), expected);
  EXPECT_EQ(bytes.substr(132, 4), std::string("\x00\x00\x20\xC0", 4));
  write_npy(dir / "none.npy", {}, 3);
  EXPECT_NE(test::read_text(dir / "none.npy").find("(0, 3)"), std::string::npos);
}

}  // namespace
}  // namespace graft::io
