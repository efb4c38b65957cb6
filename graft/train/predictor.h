#pragma once

#include <memory>
#include <string>
#include <vector>

#include "graft/data/text.h"
#include "graft/image/image.h"
#include "graft/models/load.h"

namespace graft::train {

/// What a model says about one picture or text.
struct Prediction {
  std::string label;          ///< the likeliest class; of a regression the number as text
  std::vector<float> scores;  ///< probabilities, one a class; of a regression the number
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
  bool multi_label() const { return problem() == Target::multi_label; }
  bool regression() const { return problem() == Target::regression; }

 private:
  std::vector<Prediction> classify(nn::Flow inputs);

  Target problem() const { return loaded_.model->problem(); }

  models::LoadedModel loaded_;
};

}  // namespace graft::train
