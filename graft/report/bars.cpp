#include "graft/report/bars.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "graft/report/text.h"

namespace graft::report {
namespace {

struct Span {
  double low = 0;
  double high = 0;
  double percent(double value) const {
    return high > low ? std::clamp((value - low) / (high - low), 0.0, 1.0) * 100 : 0;
  }
};

Span span_of(const BarChart& chart) {
  Span span;
  if (chart.full) span.high = *chart.full;
  for (const Bar& bar : chart.bars) {
    for (const double value :
         {bar.value, bar.low.value_or(bar.value), bar.high.value_or(bar.value)}) {
      if (!std::isfinite(value)) continue;
      span.low = std::min(span.low, value);
      if (!chart.full) span.high = std::max(span.high, value);
    }
  }
  return span;
}

}  // namespace

std::string render(const BarChart& chart) {
  const Span span = span_of(chart);
  std::string out = "<figure class=\"bars\"><figcaption><b>" + escape(chart.title) + "</b>";
  if (!chart.note.empty()) out += " <small>" + escape(chart.note) + "</small>";
  out += "</figcaption>";
  const auto to = std::back_inserter(out);
  for (const Bar& bar : chart.bars) {
    fmt::format_to(to, R"(<div class="bar"><span class="what">{}</span><span class="track">)",
                   escape(bar.label));
    if (std::isfinite(bar.value)) {
      const double from = span.percent(std::min(0.0, bar.value));
      const double till = span.percent(std::max(0.0, bar.value));
      fmt::format_to(to, R"(<i class="fill s{}" style="left:{:.2f}%;width:{:.2f}%"></i>)",
                     ((bar.color % 8) + 8) % 8, from, till - from);
      if (bar.low && bar.high) {
        const double low = span.percent(*bar.low);
        fmt::format_to(to, R"(<i class="whisker" style="left:{:.2f}%;width:{:.2f}%"></i>)", low,
                       std::max(0.0, span.percent(*bar.high) - low));
      }
    }
    fmt::format_to(to, R"(</span><span class="value">{}</span></div>)", escape(bar.text));
  }
  return out + "</figure>";
}

std::string meter(const std::string& label, double share, const std::string& text) {
  std::string out =
      "<div class=\"bar\"><span class=\"what\">" + escape(label) + "</span><span class=\"track\">";
  if (std::isfinite(share)) {
    out += fmt::format(R"(<i class="fill {}" style="left:0;width:{:.2f}%"></i>)",
                       share > 1.0005 ? "over" : "s0", std::clamp(share, 0.0, 1.0) * 100);
  }
  return out + "</span><span class=\"value\">" + escape(text) + "</span></div>";
}

}  // namespace graft::report
