#pragma once

#include <memory>
#include <string>
#include <vector>

#include "graft/base/catalog.h"
#include "graft/base/rng.h"
#include "graft/text/preprocess.h"

namespace graft::texts {

/// One augmentation of texts with its options. Stateless: all randomness comes from the Rng passed
/// in.
class Augment {
 public:
  virtual ~Augment() = default;

  /// The text, changed.
  virtual std::string apply(std::string text, Rng& /*rng*/) const { return text; }
  /// Changes the tokens in place, after all changes of the text.
  virtual void apply_to_tokens(Tokens& /*tokens*/, Rng& /*rng*/,
                               const Tokenizer& /*tokenizer*/) const {}

  /// False when these options never change anything.
  virtual bool changes() const { return true; }
  /// Refuses (exit code 2) a tokenizer that it cannot work with.
  virtual void check(const Tokenizer& /*tokenizer*/) const {}
};

/// A line of augmentations.def: what can be asked for, and how to make it from checked options.
struct AugmentRecord : Entry {
  std::unique_ptr<const Augment> (*make)(const Options& options, const std::string& where);
};
const std::vector<AugmentRecord>& augmentations();

/// A list of augmentations of texts, applied in order.
class Augmentation {
 public:
  /// Nothing.
  Augmentation() = default;
  /// `spec` is null, "none", the name of an augmentation, a mapping {name: options}, or a list of
  /// names and such mappings. `where` names the key in errors (exit code 2).
  explicit Augmentation(const Json& spec, const std::string& where = "augment");

  /// `second` is changed in the same way as `first`.
  Tokens apply(const Preprocess& preprocess, std::string first, std::optional<std::string> second,
               Rng& rng) const;
  /// Whether it changes anything at all; if not, texts may be tokenized once and kept.
  bool random() const;
  void check(const Tokenizer& tokenizer) const;

 private:
  void add(const std::string& name, const Json& options, const std::string& where);

  std::vector<std::shared_ptr<const Augment>> steps_;
};

}  // namespace graft::texts
