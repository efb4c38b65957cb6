#include <algorithm>
#include <iostream>
#include <optional>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/cli/arguments.h"
#include "graft/cli/found_objects.h"
#include "graft/cli/inputs.h"
#include "graft/image/codec.h"
#include "graft/io/npy.h"
#include "graft/models/detector.h"
#include "graft/models/outlook.h"
#include "graft/tensor/device.h"
#include "graft/train/job.h"
#include "graft/train/objective.h"
#include "graft/train/run_model.h"

namespace graft::cli {
namespace {

constexpr size_t kBatch = 16;

std::string csv(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

enum class Format : uint8_t { table, json, csv, none };

/// What lies behind a name. Of one that is no run it is the model that the task wants, else what
/// its files say that it was saved for.
models::LoadedModel load(const std::string& model, const std::string& task) {
  models::ModelSource source;
  source.path = model;
  if (!task.empty())
    source.task = graft::train::objective_called(task).head();
  else if (!graft::train::is_run_folder(model) && !graft::train::is_adapter_folder(model))
    source.task = models::named_task(source);
  models::LoadedModel loaded = graft::train::load_any_model(source);
  if (!task.empty() && loaded.model->task() != source.task)
    fail_usage("predict: --task={} is not what {} learned; leave it out", task, model);
  return loaded;
}

/// data.columns of a run; null of anything else.
Json columns_of(const std::string& model) {
  if (!graft::train::is_run_folder(model)) return nullptr;
  const Json data = read_yaml(std::filesystem::path(model) / "config.yaml").value("data", Json());
  return data.is_object() ? data.value("columns", Json()) : Json();
}

/// Prints what a model says of inputs, some at a time.
class Printer {
 public:
  Printer(models::Model& model, Format format, int top)
      : model_(model),
        objective_(graft::train::objective_of(model.problem())),
        format_(format),
        top_(top) {
    if (format_ != Format::csv) return;
    std::cout << "input";
    for (const std::string& column : objective_.columns()) std::cout << "," << column;
    std::cout << "\n";
  }
  template <typename Input>
  std::vector<graft::train::Answer> print(const std::vector<std::string>& names,
                                          const std::vector<Input>& inputs) {
    if (inputs.empty()) return {};
    auto answers = objective_.answer(model_, inputs, top_);
    for (size_t i = 0; i < answers.size(); ++i) {
      print(names[i], answers[i]);
      for (const auto& vector : answers[i].vectors) {
        columns_ = static_cast<int64_t>(vector.size());
        vectors_.insert(vectors_.end(), vector.begin(), vector.end());
      }
    }
    return answers;
  }
  /// Writes the vectors that were printed, or would have been.
  void write_vectors(const std::string& file) const {
    if (vectors_.empty()) fail_unreadable("predict: there is no text to write a vector of");
    io::write_npy(file, vectors_, columns_);
    std::cerr << fmt::format("graft: written: {} vectors of {} numbers to {}\n",
                             vectors_.size() / static_cast<size_t>(columns_), columns_, file);
  }

 private:
  void print(const std::string& name, const graft::train::Answer& answer) const {
    if (format_ == Format::none) return;
    if (format_ == Format::json) {
      Json line = {{"input", name}};
      line.update(answer.json);
      std::cout << line.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
    } else if (format_ == Format::csv) {
      std::cout << csv(name);
      for (const std::string& cell : answer.cells) std::cout << "," << csv(cell);
      std::cout << "\n";
    } else {
      std::cout << fmt::format("{:<40}{}\n", name, answer.line);
    }
  }

  models::Model& model_;
  const graft::train::Objective& objective_;
  Format format_;
  int top_;
  std::vector<float> vectors_;  // row by row, where answers have some
  int64_t columns_ = 0;
};

void predict_pictures(Printer& printer, const std::vector<std::string>& words,
                      FoundObjects* objects) {
  const auto files = picture_files(words);
  int bad = 0;
  for (size_t begin = 0; begin < files.size(); begin += kBatch) {
    std::vector<image::Image> pictures;
    std::vector<std::string> names;
    for (size_t i = begin; i < std::min(files.size(), begin + kBatch); ++i) {
      try {
        pictures.push_back(image::load(files[i]));
        names.push_back(files[i].string());
      } catch (const Error& e) {
        std::cerr << "graft: skipped: " << e.what() << "\n";
        ++bad;
      }
    }
    const auto answers = printer.print(names, pictures);
    for (size_t i = 0; objects && i < answers.size(); ++i)
      objects->add(names[i], pictures[i], answers[i].objects);
  }
  if (bad == static_cast<int>(files.size()))
    fail_unreadable("none of the {} pictures could be read", bad);
}

/// Says how many texts were read in part only.
void tell_cut(const models::Model& model, const std::vector<NamedText>& texts) {
  const bool whole =
      model.task() == models::Task::classes || model.task() == models::Task::embedding;
  if (!whole) return;  // others go over a text in windows, or say it themselves
  const auto& preprocess = model.text_preprocess();
  const auto cut = std::ranges::count_if(texts, [&](const NamedText& named) {
    const size_t bytes =
        named.text.first.size() + (named.text.second ? named.text.second->size() : 0);
    return bytes >= static_cast<size_t>(preprocess.max_length) / 2 &&
           preprocess.apply(named.text.first, named.text.second).cut;
  });
  if (cut > 0)
    std::cerr << fmt::format(
        "graft: note: {} of {} texts had more than {} tokens and were cut there\n", cut,
        texts.size(), preprocess.max_length);
}

void predict_texts(Printer& printer, const std::vector<NamedText>& texts) {
  for (size_t begin = 0; begin < texts.size(); begin += kBatch) {
    std::vector<data::Text> batch;
    std::vector<std::string> names;
    for (size_t i = begin; i < std::min(texts.size(), begin + kBatch); ++i) {
      batch.push_back(texts[i].text);
      names.push_back(texts[i].name);
    }
    printer.print(names, batch);
  }
}

}  // namespace

Command predict() {
  return {
      "predict", "tells classes, objects or vectors of pictures and texts, with a run or a model",
      [](const Words& words) {
        Arguments arguments("predict",
                            "Classifies files, folders and patterns of pictures, or finds the "
                            "objects in them; or the texts of files, a line each of .txt, a record "
                            "each of tables and JSON. A "
                            "model of embeddings gives the vector of each text, and of two how "
                            "alike they are.");
        std::string model;
        std::string task, npy, device = "auto";
        std::vector<std::string> inputs, spoken;
        bool json = false;
        bool as_csv = false;
        int top = 3;
        std::optional<double> score, nms;
        ObjectOutputs outputs;
        arguments.app().add_option("MODEL", model, "run folder or model")->required();
        arguments.app().add_option("INPUT", inputs,
                                   "pictures, folders, patterns; files of texts, - for stdin");
        arguments.app().add_option("--text", spoken, "a text itself; may be repeated");
        arguments.app().add_flag("--json", json, "a JSON object a line");
        arguments.app().add_flag(
            "--csv", as_csv, "a table: input,label,probability; of a model of numbers input,value");
        arguments.app().add_option("--task", task,
                                   "what a model that is no run is used for: sentence-similarity "
                                   "gives the vector of each text");
        arguments.app().add_option("--npy", npy,
                                   "file for the vectors of texts as NumPy reads them, a row each; "
                                   "nothing is printed then, unless asked for");
        arguments.app()
            .add_option("--device", device, "auto (a GPU where there is one), cpu or cuda")
            ->capture_default_str();
        arguments.app()
            .add_option("--top", top, "classes shown in the table")
            ->check(CLI::Range(1, 1000000))
            ->capture_default_str();
        arguments.app()
            .add_option("--score", score,
                        "boxes with at least this score count; default: what was best on the run's "
                        "validation samples, else 0.25")
            ->check(CLI::Range(0.0, 1.0));
        arguments.app()
            .add_option("--nms", nms, "boxes of a class that overlap more are one object (IoU)")
            ->check(CLI::Range(0.0, 1.0));
        arguments.app().add_option("--draw", outputs.draw,
                                   "folder for the pictures with the objects drawn in");
        arguments.app().add_option("--coco", outputs.coco,
                                   "file for the objects as COCO's annotations with scores, for "
                                   "labelling tools");
        arguments.app().add_option("--voc", outputs.voc, "folder for them as Pascal VOC");
        arguments.app().add_option("--yolo", outputs.yolo, "folder for them as YOLO has them");
        if (!arguments.parse(words)) return 0;
        if (json && as_csv) fail_usage("predict: give --json or --csv, not both");
        if (inputs.empty() && spoken.empty())
          fail_usage("predict: give at least one INPUT, or --text");
        set_threads(usable_cores());
        const models::LoadedModel loaded = load(model, task);
        loaded.model->to(begin_device(device));
        const auto& objective = graft::train::objective_of(loaded.model->problem());
        objective.check_answers(loaded, model);
        const bool texts = graft::train::reads_texts(*loaded.model);
        if (!texts && !spoken.empty())
          fail_usage("predict: --text is for a model that reads texts; {} reads pictures", model);
        if (!npy.empty() && objective.head() != models::Task::embedding)
          fail_usage("predict: --npy is for vectors of texts, but {} {}", model,
                     objective.ability());
        if ((outputs.any() || score || nms) && objective.head() != models::Task::boxes) {
          fail_usage(
              "predict: --score, --nms, --draw, --coco, --voc and --yolo are for objects, but {} "
              "{}",
              model, objective.ability());
        }
        if (score || nms)
          loaded.model->config().merge_patch(models::detection_settings(score, nms));
        // Read before anything is printed: what cannot be read leaves no header behind.
        std::vector<NamedText> named;
        if (texts) {
          named = named_texts(inputs, columns_of(model));
          for (const auto& text : spoken) named.push_back({text, {text, {}}});
        }
        Printer printer(*loaded.model,
                        json          ? Format::json
                        : as_csv      ? Format::csv
                        : npy.empty() ? Format::table
                                      : Format::none,
                        top);
        if (!texts) {
          FoundObjects objects(outputs, loaded.model->classes());
          predict_pictures(printer, inputs, outputs.any() ? &objects : nullptr);
          if (outputs.any()) objects.write();
          return 0;
        }
        predict_texts(printer, named);
        tell_cut(*loaded.model, named);
        if (!npy.empty()) printer.write_vectors(npy);
        return 0;
      }};
}

}  // namespace graft::cli
