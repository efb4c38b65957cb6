#include "graft/base/rng.h"

#include <cmath>
#include <numeric>

#include "graft/base/error.h"

namespace graft {
namespace {

constexpr uint64_t kGolden = 0x9E3779B97F4A7C15ULL;

uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

}  // namespace

uint64_t hash_key(std::initializer_list<uint64_t> parts) {
  uint64_t key = 0x243F6A8885A308D3ULL;
  for (const uint64_t part : parts) key = mix(key + kGolden) ^ mix(part + 2 * kGolden);
  return mix(key + kGolden);
}

uint64_t Rng::next() {
  return mix(state_ += kGolden);
}

double Rng::uniform() {
  return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

double Rng::uniform(double low, double high) {
  return low + (high - low) * uniform();
}

uint64_t Rng::below(uint64_t n) {
  GRAFT_ASSERT(n > 0);
  const uint64_t limit = (0 - n) % n;  // values under it would favour small results
  uint64_t value = next();
  while (value < limit) value = next();
  return value % n;
}

int64_t Rng::integer(int64_t low, int64_t high) {
  return low + static_cast<int64_t>(below(static_cast<uint64_t>(high - low) + 1));
}

double Rng::normal() {
  while (true) {
    const double x = uniform(-1, 1);
    const double y = uniform(-1, 1);
    const double s = x * x + y * y;
    if (s > 0 && s < 1) return x * std::sqrt(-2 * std::log(s) / s);
  }
}

double Rng::gamma(double shape) {
  GRAFT_ASSERT(shape > 0);
  if (shape < 1) return gamma(shape + 1) * std::pow(uniform(), 1 / shape);
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = normal();
    const double v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log(1 - uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

double Rng::beta(double a, double b) {
  const double x = gamma(a);
  const double y = gamma(b);
  return x + y > 0 ? x / (x + y) : (chance(0.5) ? 1.0 : 0.0);
}

std::vector<int64_t> Rng::permutation(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  shuffle(order);
  return order;
}

uint64_t hash_text(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return hash;
}

}  // namespace graft
