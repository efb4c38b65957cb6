#pragma once

#include <memory>
#include <string>
#include <vector>

#include "graft/base/catalog.h"
#include "graft/base/rng.h"
#include "graft/image/preprocess.h"

namespace graft::image {

/// One augmentation with its options. Stateless: all randomness comes from the Rng passed in.
class Augment {
 public:
  virtual ~Augment() = default;

  /// The picture, changed. `out` is the network's input size, for operations that end in it.
  virtual Image apply(Image image, Rng& rng, Dimensions out) const;
  /// Changes normalised floats (height x width x 3) in place, after Preprocess::to_floats.
  virtual void apply_to_floats(float* pixels, Dimensions size, Rng& rng) const;

  /// False when these options never change anything.
  virtual bool changes() const { return true; }
  /// True when it cuts the network's input out of the original picture, which then must not be
  /// resized first.
  virtual bool sets_size() const { return false; }
};

/// A line of augmentations.def: what can be asked for, and how to make it from checked options.
struct AugmentRecord : Entry {
  std::unique_ptr<const Augment> (*make)(const Options& options, const std::string& where);
};
const std::vector<AugmentRecord>& augmentations();

/// A list of augmentations, applied in order.
///
///   const Augmentation augment("light", "augment");
///   Rng rng{seed, epoch, index};
///   const Image picture = augment.apply(load(file), rng, preprocess);
///   preprocess.to_floats(picture, out);
///   augment.apply_to_floats(out, preprocess.output(), rng);
class Augmentation {
 public:
  /// Nothing.
  Augmentation() = default;
  /// `spec` is null, the name of a policy or of an augmentation, a mapping {name: options}, or a
  /// list of names and such mappings. `where` names the key in errors (exit code 2).
  explicit Augmentation(const Json& spec, const std::string& where = "augment");

  /// A picture of the network's input size. Unless an operation cuts that out itself, the picture
  /// goes through `preprocess` (whose output must be fixed) first.
  Image apply(Image image, Rng& rng, const Preprocess& preprocess) const;
  /// The same where the caller has done what should come first; what has another size at the end is
  /// squeezed.
  Image apply(Image image, Rng& rng, int out_width, int out_height) const;
  /// The second step; `pixels` is height x width x 3, normalised.
  void apply_to_floats(float* pixels, Dimensions size, Rng& rng) const;

  /// Whether it changes anything at all; if not, pictures may be prepared once and kept.
  bool random() const;
  /// Whether an operation cuts the network's input out of the original picture.
  bool sets_size() const;
  /// The list with every option, which makes an equal Augmentation.
  const Json& to_json() const { return spec_; }

 private:
  void add(const std::string& name, const Json& options, const std::string& where);

  std::vector<std::shared_ptr<const Augment>> steps_;
  Json spec_ = Json::array();
};

}  // namespace graft::image
