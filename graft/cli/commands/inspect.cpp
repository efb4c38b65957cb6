#include <filesystem>
#include <iostream>

#include "graft/base/error.h"
#include "graft/base/units.h"
#include "graft/cli/arguments.h"
#include "graft/data/dataset.h"
#include "graft/io/safetensors.h"
#include "graft/models/darknet/files.h"
#include "graft/models/load.h"
#include "graft/models/outlook.h"
#include "graft/peft/hf_format.h"
#include "graft/report/run_folder.h"
#include "graft/report/summary_table.h"
#include "graft/train/job.h"
#include "graft/train/run_model.h"

namespace graft::cli {
namespace {

namespace fs = std::filesystem;

Json tensors_json(const io::TensorMap& tensors) {
  Json list = Json::array();
  for (const auto& [name, tensor] : tensors)
    list.push_back({{"name", name}, {"shape", tensor.sizes().vec()}});
  return list;
}

Json inspect_model(const std::string& path) {
  models::ModelSource source;
  source.path = path;
  source.task = models::named_task(source);
  const models::LoadedModel loaded = models::load_model(source);
  models::Model& model = *loaded.model;
  const bool texts = graft::train::reads_texts(model);
  const Json input =
      texts ? Json{{"tokens", model.text_preprocess().max_length}}
            : Json{model.preprocess().output().height, model.preprocess().output().width};
  const auto inputs = graft::train::make_inputs(model, {});
  const graft::train::Profile profile = graft::train::measure_profile(model, *inputs);
  Json blocks = Json::array();
  for (int b = 0; b < model.size(); ++b) {
    int64_t count = 0;
    for (const auto& p : model.registry().parameters) {
      if (p.block == b && !p.is_buffer()) count += p.value->numel();
    }
    blocks.push_back({{"block", model.block_name(b)},
                      {"parameters", count},
                      {"forward_flops", profile.blocks[static_cast<size_t>(b)].forward}});
  }
  Json seams = Json::array();
  for (nn::Seam* seam : model.registry().seams) seams.push_back(seam->site().path);
  return {{"kind", "model"},
          {"path", loaded.folder.string()},
          {"family", model.family()},
          {"parameters", model.parameter_count()},
          {"input", input},
          {"classes", model.classes()},
          {"blocks", blocks},
          {"layers", seams},
          {"other_heads", loaded.other_heads},
          {"unused_tensors", loaded.unused}};
}

Json inspect_data(const std::string& path) {
  const data::Dataset set = data::open_dataset(path, 0);
  Json classes = Json::array();
  const auto train = set.train.class_counts(set.classes.size());
  const auto validation = set.validation.class_counts(set.classes.size());
  const auto test = set.test.class_counts(set.classes.size());
  for (size_t c = 0; c < set.classes.size(); ++c) {
    classes.push_back({{"class", set.classes[c]},
                       {"train", train[c]},
                       {"validation", validation[c]},
                       {"test", test[c]}});
  }
  return {{"kind", "data"},
          {"path", path},
          {"multi_label", set.multi_label()},
          {"regression", set.regression()},
          {"classes", classes},
          {"notes", set.notes},
          {"samples",
           {{"train", set.train.size()},
            {"validation", set.validation.size()},
            {"test", set.test.size()}}}};
}

void print(const Json& facts) {
  for (const auto& [key, value] : facts.items()) {
    if (!value.is_array() || value.empty() || !value[0].is_object()) {
      std::string text = value.is_string() ? value.get<std::string>() : value.dump();
      if (text.size() > 160) text = text.substr(0, 157) + "...";
      std::cout << fmt::format("{:<16} {}\n", key, text);
      continue;
    }
    std::cout << key << "\n";
    for (const Json& row : value) {
      std::cout << " ";
      for (const auto& [name, cell] : row.items()) {
        const std::string shown = cell.is_string()          ? cell.get<std::string>()
                                  : name.ends_with("flops") ? show_count(cell.get<double>())
                                                            : cell.dump();
        std::cout << " "
                  << (name == row.begin().key() ? fmt::format("{:<16}", shown)
                                                : fmt::format("{} {:<10}", name, shown));
      }
      std::cout << "\n";
    }
  }
}

}  // namespace

Command inspect() {
  return {
      "inspect", "tells what a model, an adapter, data or a run is", [](const Words& words) {
        Arguments arguments("inspect", "Tells what a model, an adapter folder, data or a run is.");
        std::string path;
        bool json = false;
        arguments.app()
            .add_option("WHAT", path,
                        "model, adapter folder, .safetensors file, data or run folder")
            ->required();
        arguments.app().add_flag("--json", json, "one JSON document");
        if (!arguments.parse(words)) return 0;
        if (graft::train::is_run_folder(path)) {
          const auto run = graft::report::read_run_folder(path);
          if (json)
            std::cout
                << Json{{"kind", "run"}, {"config", run.config}, {"summary", run.summary}}.dump(2)
                << "\n";
          else
            std::cout << graft::report::summary_table(run);
          return 0;
        }
        Json facts;
        const fs::path at(path);
        if (fs::exists(at / "adapter_config.json")) {
          facts = {{"kind", "adapter"},
                   {"path", path},
                   {"config", read_json(at / "adapter_config.json")},
                   {"tensors", tensors_json(peft::adapter_file(at))}};
        } else if (fs::is_regular_file(at) && at.extension() == ".safetensors") {
          facts = {{"kind", "tensors"},
                   {"path", path},
                   {"metadata", io::SafetensorsReader(at).metadata()},
                   {"tensors", tensors_json(io::SafetensorsReader(at).all())}};
        } else {
          const bool model =
              fs::exists(at / "config.json") || fs::exists(at / "model.safetensors") ||
              fs::exists(at / "pytorch_model.bin") || !fs::exists(at) || at.extension() == ".pth" ||
              at.extension() == ".th" || at.extension() == ".bin" || models::find_darknet(at);
          facts = model ? inspect_model(path) : inspect_data(path);
        }
        if (json)
          std::cout << facts.dump(2) << "\n";
        else
          print(facts);
        return 0;
      }};
}

}  // namespace graft::cli
