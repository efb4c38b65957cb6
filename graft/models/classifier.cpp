#include "graft/models/classifier.h"

#include <torch/types.h>

#include "graft/nn/dropout.h"

namespace graft::models {
namespace {

class Classifier final : public Block {
 public:
  Classifier(const nn::Scope& scope, int64_t width, int64_t classes, double dropout, bool bias)
      : linear(scope, width, classes, bias), dropout_(dropout) {}
  nn::Flow forward(nn::Flow flow, nn::Context& context) override {
    return {"logits", linear(nn::dropout(flow.at("features"), dropout_, context))};
  }
  nn::Linear linear;

 private:
  double dropout_;
};

class TokenClassifier final : public Block {
 public:
  TokenClassifier(const nn::Scope& scope, int64_t width, int64_t classes, double dropout)
      : linear(scope, width, classes), dropout_(dropout) {}
  nn::Flow forward(nn::Flow flow, nn::Context& context) override {
    at::Tensor x = flow.at("x");
    if (at::isReducedFloatingType(x.scalar_type())) x = x.to(at::kFloat);
    nn::Flow result("logits", linear(nn::dropout(x, dropout_, context)));
    result["lengths"] = flow.at("lengths");
    return result;
  }
  nn::Linear linear;

 private:
  double dropout_;
};

}  // namespace

void add_classifier(Model& model, const std::string& path, int64_t width, int64_t classes,
                    double dropout, bool bias) {
  auto& head = model.add<Classifier>("head", Span::head, path, width, classes, dropout, bias);
  model.set_classifier(head.linear);
}

void add_token_classifier(Model& model, const std::string& path, int64_t width, int64_t classes,
                          double dropout) {
  auto& head = model.add<TokenClassifier>("head", Span::head, path, width, classes, dropout);
  model.set_classifier(head.linear);
}

}  // namespace graft::models
