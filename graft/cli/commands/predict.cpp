#include <algorithm>
#include <iostream>
#include <numeric>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/cli/arguments.h"
#include "graft/cli/inputs.h"
#include "graft/image/codec.h"
#include "graft/tensor/device.h"
#include "graft/train/predictor.h"

namespace graft::cli {
namespace {

constexpr size_t kBatch = 16;

std::string csv(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

/// A number instead of classes.
void print_value(const std::string& format, const std::string& input, float value) {
  if (format == "json") {
    std::cout << Json{{"input", input}, {"value", value}}.dump(-1, ' ', false,
                                                               Json::error_handler_t::replace)
              << "\n";
  } else if (format == "csv") {
    std::cout << csv(input) << "," << value << "\n";
  } else {
    std::cout << fmt::format("{:<40}  {:.4g}\n", input, value);
  }
}

void print(const std::string& format, const std::string& input, const graft::train::Prediction& p,
           const std::vector<std::string>& classes, int top) {
  if (format == "json") {
    Json scores = Json::object();
    for (size_t c = 0; c < classes.size(); ++c) scores[classes[c]] = p.scores[c];
    std::cout << Json{{"input", input},
                      {"label", p.label},
                      {"scores", scores},
                      {"logits", p.logits}}
                     .dump(-1, ' ', false, Json::error_handler_t::replace)
              << "\n";
    return;
  }
  std::vector<size_t> order(classes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return p.scores[a] > p.scores[b]; });
  order.resize(std::min(order.size(), static_cast<size_t>(top)));
  if (format == "csv") {
    std::cout << csv(input) << "," << csv(p.label) << "," << p.scores[order.front()] << "\n";
    return;
  }
  std::cout << fmt::format("{:<40}", input);
  for (const size_t c : order)
    std::cout << fmt::format("  {} {:.1f} %", classes[c], 100 * p.scores[c]);
  std::cout << "\n";
}

struct Output {
  std::string format = "table";
  int top = 3;
};

void print(const Output& output, const std::string& input, const graft::train::Prediction& p,
           const graft::train::Predictor& predictor) {
  if (predictor.regression())
    print_value(output.format, input, p.scores.front());
  else
    print(output.format, input, p, predictor.classes(), output.top);
}

void predict_pictures(graft::train::Predictor& predictor, const std::vector<std::string>& words,
                      const Output& output) {
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
    const auto predictions = predictor.classify(pictures);
    for (size_t i = 0; i < predictions.size(); ++i)
      print(output, names[i], predictions[i], predictor);
  }
  if (bad == static_cast<int>(files.size()))
    fail_unreadable("none of the {} pictures could be read", bad);
}

void predict_texts(graft::train::Predictor& predictor, const std::vector<NamedText>& texts,
                   const Output& output) {
  for (size_t begin = 0; begin < texts.size(); begin += kBatch) {
    std::vector<data::Text> batch;
    for (size_t i = begin; i < std::min(texts.size(), begin + kBatch); ++i)
      batch.push_back(texts[i].text);
    const auto predictions = predictor.classify(batch);
    for (size_t i = 0; i < predictions.size(); ++i)
      print(output, texts[begin + i].name, predictions[i], predictor);
  }
}

}  // namespace

Command predict() {
  return {"predict", "classifies pictures or texts with a run or a model", [](const Words& words) {
            Arguments arguments("predict",
                                "Classifies files, folders and patterns of pictures; or the texts "
                                "of files, a line each of .txt, a record each of tables and JSON.");
            std::string model;
            std::vector<std::string> inputs, spoken;
            bool json = false;
            bool as_csv = false;
            Output output;
            arguments.app().add_option("MODEL", model, "run folder or model")->required();
            arguments.app().add_option("INPUT", inputs,
                                       "pictures, folders, patterns; files of texts, - for stdin");
            arguments.app().add_option("--text", spoken, "a text itself; may be repeated");
            arguments.app().add_flag("--json", json, "a JSON object a line");
            arguments.app().add_flag("--csv", as_csv,
                                     "input,label,probability; of a model of numbers input,value");
            arguments.app()
                .add_option("--top", output.top, "classes shown in the table")
                ->check(CLI::PositiveNumber)
                ->capture_default_str();
            if (!arguments.parse(words)) return 0;
            if (json && as_csv) fail_usage("predict: give --json or --csv, not both");
            if (inputs.empty() && spoken.empty())
              fail_usage("predict: give at least one INPUT, or --text");
            set_threads(usable_cores());
            graft::train::Predictor predictor(model);
            output.format = json ? "json" : as_csv ? "csv" : "table";
            if (!predictor.reads_texts() && !spoken.empty())
              fail_usage("predict: --text is for a model that reads texts; {} reads pictures",
                         model);
            if (as_csv)
              std::cout << (predictor.regression() ? "input,value\n" : "input,label,probability\n");
            if (!predictor.reads_texts()) {
              predict_pictures(predictor, inputs, output);
              return 0;
            }
            std::vector<NamedText> texts = named_texts(inputs);
            for (const auto& text : spoken) texts.push_back({text, {text, {}}});
            predict_texts(predictor, texts, output);
            return 0;
          }};
}

}  // namespace graft::cli
