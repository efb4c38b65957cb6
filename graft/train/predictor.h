#pragma once

#include <memory>
#include <string>
#include <vector>

#include "graft/data/text.h"
#include "graft/image/image.h"
#include "graft/models/load.h"

namespace graft::train {

/// What a classifier says about one picture or text.
struct Prediction {
  std::string label;
  std::vector<float> scores;  ///< probabilities, one a class
  std::vector<float> logits;
};

/// A trained run, or any model that graft reads, ready to classify pictures or texts.
///
///     graft::train::Predictor predictor("runs/clothing-1");
///     auto answer = predictor.classify(graft::image::load("photo.jpg"));
class Predictor {
 public:
  explicit Predictor(const std::string& run_or_model);
  Prediction classify(const image::Image& picture);
  /// Several at once, faster than one by one.
  std::vector<Prediction> classify(const std::vector<image::Image>& pictures);
  /// The same for a model that reads texts.
  Prediction classify(const data::Text& text);
  std::vector<Prediction> classify(const std::vector<data::Text>& texts);
  bool reads_texts() const;
  const std::vector<std::string>& classes() const { return loaded_.model->classes(); }
  models::Model& model() { return *loaded_.model; }
  bool multi_label() const { return multi_label_; }

 private:
  std::vector<Prediction> classify(nn::Flow inputs);

  models::LoadedModel loaded_;
  bool multi_label_ = false;
};

}  // namespace graft::train
