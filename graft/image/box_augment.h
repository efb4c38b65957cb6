#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "graft/base/catalog.h"
#include "graft/base/rng.h"
#include "graft/image/box_label.h"
#include "graft/image/codec.h"

namespace graft::image {

/// Gives another scene of the training data, drawn with the given numbers.
using DrawScene = std::function<Scene(Rng& rng)>;

/// One augmentation of pictures in which objects are marked; boxes move with their pixels.
/// Stateless: all randomness comes from the Rng passed in.
class BoxAugment {
 public:
  virtual ~BoxAugment() = default;

  /// `frame` is the size of the network's input. `draw` is set where `mixes()`.
  virtual Scene apply(Scene scene, Rng& rng, Dimensions frame, const DrawScene& draw) const = 0;
  /// Scenes that the result may show: more than 1 where it needs others.
  virtual int scenes() const { return 1; }
  bool mixes() const { return scenes() > 1; }
  /// False when these options never change anything.
  virtual bool changes() const { return true; }
};

/// A line of box_augmentations.def.
struct BoxAugmentRecord : Entry {
  std::unique_ptr<const BoxAugment> (*make)(const Options& options, const std::string& where);
};
const std::vector<BoxAugmentRecord>& box_augmentations();

/// A list of augmentations, applied in order, and then a letterbox where the picture has not the
/// size of the network's input (letterbox.h).
///
///   const BoxAugmentation augment(Json{"mosaic", {{"scale_jitter", {{"scale", {0.5, 1.5}}}}},
///                                      "horizontal_flip"});
///   Rng rng{seed, epoch, index};
///   const Scene input = augment.apply(scene(index), rng, {320, 320}, draw);
class BoxAugmentation {
 public:
  /// Nothing but the letterbox.
  BoxAugmentation() = default;
  /// `spec` is null, the name of a policy (policies.h) or of an augmentation, a mapping {name:
  /// options}, or a list of names and such mappings. `where` names the key in errors (exit code 2).
  explicit BoxAugmentation(const Json& spec, const std::string& where = "augment");

  /// Without `draw`, augmentations that mix scenes are left out: the last epochs of a run are
  /// better without them.
  Scene apply(Scene scene, Rng& rng, Dimensions frame, const DrawScene& draw = {}) const;

  bool random() const;  ///< whether it changes anything at all
  bool mixes() const;   ///< whether one of them needs other scenes
  int scenes() const;   ///< that a result shows at most
  /// The list with every option, which makes an equal BoxAugmentation.
  const Json& to_json() const { return spec_; }

 private:
  std::vector<std::shared_ptr<const BoxAugment>> steps_;
  Json spec_ = Json::array();
};

/// Puts a scene into a frame by a letterbox; its boxes move with it.
Scene letterboxed(Scene scene, Dimensions frame);

}  // namespace graft::image
