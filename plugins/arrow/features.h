#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "graft/base/json.h"

namespace graft::arrow_plugin {

/// What Hugging Face's `datasets` says of a column beyond its type, as far as it matters here:
/// which numbers are classes. A feature without names, fields and item says nothing.
///
///     {"label": {"_type": "ClassLabel", "names": ["neg", "pos"]},
///      "tags": {"_type": "List", "feature": {"_type": "ClassLabel", "names": [...]}}}
class Feature {
 public:
  Feature() = default;
  /// Of the schema's metadata "huggingface"; unknown forms say nothing.
  explicit Feature(const Json& described);

  /// Names of the classes; empty where numbers are no classes.
  const std::vector<std::string>& names() const { return names_; }
  /// Of a member of a struct. A sequence of structs is stored as a struct of lists, so that the
  /// item is looked into too.
  const Feature& field(const std::string& name) const;
  /// Of the elements of a list.
  const Feature& item() const { return item_ ? *item_ : *this; }

 private:
  std::vector<std::string> names_;
  std::map<std::string, Feature> fields_;
  std::shared_ptr<const Feature> item_;
};

/// The columns of a schema as a struct, from the text of its metadata "huggingface".
Feature read_features(const std::string& metadata);

}  // namespace graft::arrow_plugin
