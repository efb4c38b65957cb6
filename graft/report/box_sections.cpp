#include "graft/report/box_sections.h"

#include "graft/report/box_charts.h"
#include "graft/report/box_examples.h"
#include "graft/report/box_measure.h"
#include "graft/report/lookup.h"
#include "graft/report/result_tables.h"
#include "graft/report/table.h"
#include "graft/report/text.h"

namespace graft::report {
namespace {

/// The summary's figures of COCO and Pascal VOC.
std::string figure_table(const RunFolder& run) {
  Table table({{"Figure"}, {"Value", Align::right}, {"What it is"}});
  for (const auto& [name, unused] : eval::BoxFigures{}.named()) {
    const Json& value = value_at(run.summary, {"detection", name.c_str()});
    if (value.is_number())
      table.row({name, show_fixed(number_or_nan(value, {})), eval::figure_meaning(name)});
  }
  return table.empty() ? ""
                       : "<div><h3>Figures of COCO and Pascal VOC</h3>" + table.html() + "</div>";
}

/// How boxes are chosen, and what finding them takes.
std::string facts(const RunFolder& run, const BoxMeasure& measure) {
  std::string out =
      "Boxes with a score of at least <b>" + show_number(measure.threshold(), 3) + "</b> are kept";
  const auto fact = [&](const char* key) { return number_at(run.summary, {"detection", key}); };
  if (fact("threshold")) out += " (the best F1 on validation)";
  // From 1 on no box is dropped because of another.
  const auto nms = fact("nms");
  if (nms && *nms < 1) {
    out += ", and of two boxes of one class that overlap by more than <b>" + show_number(*nms, 3) +
           "</b> the better one";
  }
  const auto time = fact("ms_per_image");
  if (time) out += ". A picture takes <b>" + show_number(*time, 3) + " ms</b>";
  return "<p class=\"lead\">" + out + ".</p>";
}

std::string confusion_block(const RunFolder& run, const BoxMeasure& measure) {
  const Confusion confusion = count_box_confusion(run, measure);
  if (confusion.empty()) return "";
  const char* note =
      confusion.is_small()
          ? "Confusion <small>rows: objects, columns: boxes that are kept; background: a box "
            "without an object, or an object without a box</small>"
          : "Most confused classes <small>background: a box without an object, or an object "
            "without "
            "a box</small>";
  return std::string("<div><h3>") + note + "</h3>" + render(confusion) + "</div>";
}

/// Two columns; either may be empty.
std::string two(const std::string& left, const std::string& right) {
  const auto column = [](const std::string& html) {
    return html.empty() ? "" : "<div class=\"stack\">" + html + "</div>";
  };
  const std::string both = column(left) + column(right);
  return both.empty() ? "" : "<div class=\"two\">" + both + "</div>";
}

}  // namespace

void add_box_sections(Page& page, const RunFolder& run, const std::string& split, size_t examples,
                      const Picture& open) {
  const BoxMeasure measure(run, split);
  const bool any = !measure.pictures().empty();
  page.section("results", "Results",
               (any ? facts(run, measure) : "") +
                   two(precision_recall_chart(measure) + class_bars(run, measure),
                       metric_table(run) + figure_table(run)) +
                   two(confusion_block(run, measure), origin_table(run)) + class_table(run, split));
  const std::string legend =
      " Red: the mistake; green: objects; blue: boxes that are kept. The worst of each picture.";
  page.section("falseboxes", "Boxes without an object",
               false_positives(run, measure, examples / 2, open),
               "Boxes that stand for no object, the highest score first. Objects that nobody "
               "marked often show up here." +
                   legend);
  page.section("missed", "Objects without a box", missed_objects(run, measure, examples / 2, open),
               "Objects for which no box is kept, the largest first." + legend);
}

}  // namespace graft::report
