#include "graft/report/examples.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "graft/base/error.h"
#include "graft/report/text.h"
#include "graft/report/tile.h"

namespace graft::report {
namespace {

/// Losses that are not finite come first: nothing is worse.
double badness(const Prediction& sample) {
  if (std::isfinite(sample.loss)) return sample.loss;
  if (!sample.correct()) return 1e300;
  return -1e300;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "nothing" : out;
}

/// What stands where a picture would: the text, or what the sample is called.
std::string words_of(const std::string& input, const Words& words) {
  try {
    const std::string text = words ? words(input) : "";
    return text.empty() ? input : text;
  } catch (const Error&) {
    return input;
  }
}

std::string loss_line(const Prediction& sample) {
  return "</p><p><small>loss " + show_number(sample.loss, 3);
}

/// What is wrong with the entities found in a text.
std::string entities_verdict(const Prediction& sample) {
  std::string out;
  if (sample.correct()) out += "<p class=\"good-text\">every entity found";
  if (!sample.missed.empty())
    out += "<p>missed <b>" + escape(shorten(joined(sample.missed), 120)) + "</b>";
  if (!sample.extra.empty()) {
    out += (sample.missed.empty() ? "" : "</p>") +
           std::string("<p class=\"bad-text\">wrongly found ") +
           escape(shorten(joined(sample.extra), 120));
  }
  return out + loss_line(sample) + " a word</small></p>";
}

/// What was said of a sample, and what is true.
std::string verdict(const Prediction& sample) {
  if (std::isfinite(sample.value)) {
    return "<p><b>" + show_number(sample.value) + "</b></p><p>predicted " +
           show_number(sample.said) + loss_line(sample) + "</small></p>";
  }
  if (sample.words) return entities_verdict(sample);
  if (std::isfinite(sample.rank)) {
    return "<p><b>rank " + show_whole(sample.rank) + "</b> among all" + loss_line(sample) +
           "</small></p>";
  }
  if (std::isfinite(sample.margin)) {
    return "<p><b>margin " + show_number(sample.margin) + "</b></p><p>log-probability " +
           show_number(sample.chosen) + " chosen, " + show_number(sample.rejected) + " rejected" +
           loss_line(sample) + "</small></p>";
  }
  if (std::isfinite(sample.tokens)) {
    return "<p><b>" + show_whole(sample.hits) + " of " + show_whole(sample.tokens) +
           "</b> tokens held for the likeliest" + loss_line(sample) + " a token</small></p>";
  }
  const bool correct = sample.correct();
  std::string out = "<p><b>" + escape(shorten(joined(sample.label), 60)) + "</b></p><p class=\"" +
                    (correct ? "good-text" : "bad-text") + "\">" +
                    (correct ? "predicted right" : "taken for ") +
                    (correct ? "" : escape(shorten(joined(sample.predicted), 60)));
  if (std::isfinite(sample.probability))
    out += ", <span class=\"nb\">" + show_percent(sample.probability) + "</span>";
  out += loss_line(sample);
  if (!correct && std::isfinite(sample.label_probability)) {
    out += ", <span class=\"nb\">label " + show_percent(sample.label_probability) + "</span>";
  }
  return out + "</small></p>";
}

}  // namespace

std::string worst_examples(const RunFolder& run, const std::string& split, size_t count,
                           const Picture& picture, const Words& words) {
  std::vector<const Prediction*> samples;
  for (const Prediction& sample : run.predictions) {
    if (sample.split == split) samples.push_back(&sample);
  }
  if (samples.empty() || count == 0) return "";
  const auto shown = samples.begin() + static_cast<ptrdiff_t>(std::min(count, samples.size()));
  // Ties keep the order of the file, so that a report is the same every time.
  std::partial_sort(samples.begin(), shown, samples.end(),
                    [](const Prediction* a, const Prediction* b) {
                      const double x = badness(*a);
                      const double y = badness(*b);
                      return x != y ? x > y : a < b;
                    });
  std::string out;
  for (auto at = samples.begin(); at != shown; ++at) {
    const Prediction& sample = **at;
    const std::string small = thumbnail(open_picture(picture, sample.input));
    out += tile(small, small.empty() ? words_of(sample.input, words) : "", verdict(sample),
                sample.input);
  }
  return tiles(out);
}

}  // namespace graft::report
