#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

namespace graft {

/// Mixes integers into one 64-bit key; the order of the parts matters.
uint64_t hash_key(std::initializer_list<uint64_t> parts);

/// FNV-1a of a text.
uint64_t hash_text(std::string_view text);

/// A stream of random numbers that depends on its key only (SplitMix64, Steele et al. 2014): the
/// same on every machine and for any number of threads. Give each (seed, epoch, index) its own.
class Rng {
 public:
  explicit Rng(uint64_t key) : state_(key) {}
  Rng(std::initializer_list<uint64_t> parts) : state_(hash_key(parts)) {}

  uint64_t next();
  /// In [0, 1), 53 bits.
  double uniform();
  /// In [low, high).
  double uniform(double low, double high);
  /// In [0, n); n > 0. Without bias.
  uint64_t below(uint64_t n);
  /// Whole numbers in [low, high].
  int64_t integer(int64_t low, int64_t high);
  bool chance(double probability) { return uniform() < probability; }
  /// Standard normal (polar method).
  double normal();
  /// Gamma(shape, 1) (Marsaglia and Tsang 2000) and Beta(a, b).
  double gamma(double shape);
  double beta(double a, double b);

  template <typename T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }
  /// 0 … n-1 in random order.
  std::vector<int64_t> permutation(int64_t n);

 private:
  uint64_t state_;
};

}  // namespace graft
