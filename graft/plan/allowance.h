#pragma once

namespace graft::plan {

/// The seconds that planning may take. What is tried asks here first and between its parts; when
/// they are spent, what is left is estimated from the speed of the forward pass.
class Allowance {
 public:
  /// Ends when the process is `process_seconds` old.
  explicit Allowance(double process_seconds) : end_(process_seconds) {}
  void extend_to(double process_seconds);
  double left() const;
  bool fits(double seconds) const { return seconds <= left(); }
  bool spent() const { return left() <= 0; }
  /// A part of what is left, for one of several things to try.
  Allowance part(double share) const;

 private:
  double end_;
};

}  // namespace graft::plan
