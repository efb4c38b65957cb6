#pragma once

#include <string>

namespace graft::bench {

/// While alive, every operation of LibTorch is timed on its thread, without what it calls.
class OpProfile {
 public:
  OpProfile();
  ~OpProfile();
  OpProfile(const OpProfile&) = delete;
  OpProfile& operator=(const OpProfile&) = delete;
  /// The operations that took longest, a line each: milliseconds, calls, name and first shapes.
  std::string table(int rows) const;

 private:
  uint64_t handle_;
};

}  // namespace graft::bench
