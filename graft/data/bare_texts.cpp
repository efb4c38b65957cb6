#include "graft/data/bare_texts.h"

#include "graft/base/error.h"
#include "graft/text/chat/record.h"

namespace graft::data {
namespace {

std::string words_of(const std::string& line) {
  const texts::Record record = texts::parse_record(line);
  if (record.shape == texts::Record::Shape::text) return record.value.at("text").get<std::string>();
  return texts::record_words(record);
}

class BareTexts final : public Source {
 public:
  BareTexts(std::shared_ptr<const Source> labelled, bool records)
      : labelled_(std::move(labelled)), records_(records) {
    for (int64_t i = 0; i < labelled_->size(); ++i)
      samples_.push_back({labelled_->sample(i).id, {}});
  }
  Content content() const override { return Content::texts; }
  int64_t size() const override { return static_cast<int64_t>(samples_.size()); }
  const Sample& sample(int64_t i) const override { return samples_[static_cast<size_t>(i)]; }
  Text text(int64_t i) const override {
    Text text = labelled_->text(i);
    if (records_) return {words_of(text.first)};
    return {std::move(text.first), std::move(text.second)};
  }

 private:
  std::shared_ptr<const Source> labelled_;
  bool records_;
  std::vector<Sample> samples_;
};

}  // namespace

void keep_bare_texts(Dataset& data) {
  if (data.train.source->content() != Content::texts) {
    fail_usage(
        "task=masked-language-modeling learns from texts, but the data are pictures; give texts, "
        "or leave it out");
  }
  const std::shared_ptr<const Source> labelled = data.train.source;
  const auto bare = std::make_shared<const BareTexts>(labelled, data.language());
  for (View* view : {&data.train, &data.validation, &data.test}) {
    if (view->source == labelled) view->source = bare;
  }
  data.classes.clear();
  data.texts_a_sample = 1;
  data.target = Target::masked_token;
}

bool holds_plain_text(const Dataset& data) {
  return data.target == Target::next_token && !data.train.empty() &&
         texts::parse_record(data.train.text(0).first).shape == texts::Record::Shape::text;
}

}  // namespace graft::data
