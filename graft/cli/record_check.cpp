#include "graft/cli/record_check.h"

#include <filesystem>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/models/text_files.h"
#include "graft/train/job.h"
#include "graft/train/run_model.h"
#include "graft/train/task.h"

namespace graft::cli {
namespace {

namespace fs = std::filesystem;

/// The tokenizer that the model of a configuration has.
texts::Preprocess tokenizer_of(const train::Config& config) {
  models::ModelSource source = train::model_source(config);
  // A run goes on with the tokenizer of its model.
  for (int runs = 0; train::is_run_folder(source.path) && runs < 100; ++runs) {
    train::Config earlier;
    earlier.values = read_yaml(fs::path(source.path) / "config.yaml");
    const models::ModelSource base = train::model_source(earlier);
    if (source.tokenizer.empty()) source.tokenizer = base.tokenizer;
    source.add_tokens.insert(source.add_tokens.begin(), base.add_tokens.begin(),
                             base.add_tokens.end());
    source.path = base.path;
  }
  const fs::path model = models::find_model(source.path);
  const fs::path file = (fs::is_directory(model) ? model : model.parent_path()) / "config.json";
  Json values = fs::exists(file) ? read_json(file) : Json::object();
  if (source.config.is_object() && values.is_object()) values.update(source.config);
  const fs::path folder = source.tokenizer.empty() ? model : models::find_model(source.tokenizer);
  const Json& length = config.at("train", "max_length");
  texts::Preprocess preprocess = models::read_text_preprocess(
      folder, values, length.is_number_integer() ? length.get<int64_t>() : 0, source.add_tokens);
  if (!preprocess.tokenizer) {
    fail_unreadable(
        "{} holds no tokenizer; give model.tokenizer, a folder with tokenizer.json, vocab.txt, "
        "vocab.json and merges.txt, or tokenizer.model",
        folder.string());
  }
  return preprocess;
}

}  // namespace

data::RecordReport check_records(const data::Dataset& dataset, const Json& given) {
  if (!dataset.language()) {
    fail_usage(
        "graft check with a model shows the tokens of records to continue, but these data have "
        "labels; leave out the model, or give format=records");
  }
  train::Config config = train::make_config(given);
  train::settle_chat(config);
  texts::Preprocess preprocess = tokenizer_of(config);
  const Json& chat = config.values.at("chat");
  texts::ChatTemplates templates =
      texts::open_chat_template(preprocess.folder, chat.at("template").get<std::string>());
  const auto now = train::date_seconds(chat.at("date").get<std::string>());
  const texts::RecordEncoder encoder(std::move(preprocess), std::move(templates),
                                     texts::record_options(chat, now));
  return data::check_records(dataset, encoder, usable_cores());
}

}  // namespace graft::cli
