#include "graft/image/policies.h"

#include <algorithm>

namespace graft::image {

const std::vector<Policy>& policies() {
  static const Json flip{{"horizontal_flip", Json::object()}};
  static const Json wide_crop{{"random_resized_crop", Json::object()}};
  static const Json half_crop{{"random_resized_crop", {{"scale", {0.5, 1.0}}}}};
  static const Json jitter{{"color_jitter", Json::object()}};
  static const Json rand{{"randaugment", Json::object()}};
  static const Json trivial{{"trivial_augment_wide", Json::object()}};
  static const Json erase{{"random_erasing", {{"p", 0.1}}}};
  static const std::vector<Policy> all{
      {"none", "the pictures as they are", Json::array(), ""},
      {"flip", "left and right exchanged, half of the time", Json::array({flip}), ""},
      {"light", "crops of at least half the area, and flips", Json::array({half_crop, flip}), ""},
      {"standard",
       "crops of 8 % and more of the area, flips, brightness, contrast and saturation by up to 40 "
       "%",
       Json::array({wide_crop, flip, jitter}), "timm's defaults (Wightman 2019)"},
      {"randaugment", "crops, flips, and two of 14 operations at magnitude 9 of 30",
       Json::array({wide_crop, flip, rand}), "Cubuk et al. 2020, as torchvision has it"},
      {"trivial", "crops, flips, and one of 14 operations at any magnitude",
       Json::array({wide_crop, flip, trivial}), "Müller and Hutter 2021, as torchvision has it"},
      {"strong", "as trivial, and a rectangle erased in every tenth picture",
       Json::array({wide_crop, flip, trivial, erase}), "torchvision's recipe (Vryniotis 2021)"}};
  return all;
}

const std::vector<Policy>& box_policies() {
  static const Json flip{{"horizontal_flip", Json::object()}};
  static const Json little{{"scale_jitter", {{"scale", {0.8, 1.25}}}}};
  static const Json more{{"scale_jitter", {{"scale", {0.5, 1.5}}}}};
  static const Json jitter{{"color_jitter", Json::object()}};
  static const Json mosaic{{"mosaic", {{"p", 0.5}}}};
  static const Json mixup{{"mixup", {{"p", 0.15}}}};
  static const std::vector<Policy> all{
      {"none", "the pictures as they are", Json::array(), ""},
      {"flip", "left and right exchanged, half of the time", Json::array({flip}), ""},
      {"light", "up to a quarter larger or smaller, and flips", Json::array({little, flip}), ""},
      {"standard",
       "four pictures in one half of the time, half to one and a half times as large, flips, "
       "brightness, contrast and saturation by up to 40 %",
       Json::array({mosaic, more, flip, jitter}), "after Bochkovskiy et al. 2020"},
      {"strong", "as standard, always four pictures, and two pictures in one now and then",
       Json::array({Json{{"mosaic", Json::object()}}, more, flip, jitter, mixup}),
       "after Ge et al. 2021 (YOLOX)"}};
  return all;
}

namespace {

const Policy* named(const std::vector<Policy>& all, const std::string& name) {
  const auto found = std::ranges::find(all, name, &Policy::name);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

const Policy* find_policy(const std::string& name) {
  return named(policies(), name);
}

const Policy* find_box_policy(const std::string& name) {
  return named(box_policies(), name);
}

}  // namespace graft::image
