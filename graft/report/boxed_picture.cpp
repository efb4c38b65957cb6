#include "graft/report/boxed_picture.h"

#include <array>

#include "graft/report/lookup.h"

namespace graft::report {
namespace {

std::optional<eval::MeasuredBox> read_box(const Json& corners) {
  if (!corners.is_array() || corners.size() != 4) return std::nullopt;
  std::array<double, 4> at{};
  for (size_t i = 0; i < at.size(); ++i) {
    const auto number = number_at(corners[i], {});
    if (!number) return std::nullopt;
    at[i] = *number;
  }
  return eval::MeasuredBox{at[0], at[1], at[2] - at[0], at[3] - at[1]};
}

/// Calls `use` (item, box, label) for every element of a list; false when one has no box or class.
template <typename Use>
bool for_each_box(const Json& list, ClassIndex& classes, const Use& use) {
  if (list.is_null()) return true;
  if (!list.is_array()) return false;
  for (const Json& item : list) {
    const auto box = read_box(value_at(item, {"box"}));
    const Json& name = value_at(item, {"class"});
    if (!box || !name.is_string()) return false;
    use(item, *box, static_cast<int>(classes.of(name.get<std::string>())));
  }
  return true;
}

bool is_true(const Json& value) {
  return value.is_boolean() && value.get<bool>();
}

}  // namespace

std::optional<BoxedPicture> read_boxed_picture(const Json& line, ClassIndex& classes) {
  BoxedPicture picture{
      text_at(line, {"split"}), text_at(line, {"input"}), number_or_nan(line, {"loss"}), {}, {}};
  bool whole = for_each_box(
      value_at(line, {"objects"}), classes,
      [&](const Json& item, const eval::MeasuredBox& box, int label) {
        picture.objects.push_back({box, label, box.area(), is_true(value_at(item, {"crowd"})),
                                   is_true(value_at(item, {"difficult"}))});
      });
  whole = whole && for_each_box(value_at(line, {"found"}), classes,
                                [&](const Json& item, const eval::MeasuredBox& box, int label) {
                                  const auto score = number_at(item, {"score"});
                                  if (score) picture.found.push_back({box, label, *score});
                                });
  const Json& found = value_at(line, {"found"});
  whole = whole && picture.found.size() == found.size();
  if (!whole) return std::nullopt;
  return picture;
}

}  // namespace graft::report
