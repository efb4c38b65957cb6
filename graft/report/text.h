#pragma once

#include <string>
#include <string_view>

#include "graft/report/run_log.h"

/// Numbers as people read them. NaN and infinity are shown as "–".
namespace graft::report {

inline constexpr const char* kUnknown = "–";

/// `digits` significant digits, without an exponent between 1e-4 and 1e6: "0.0123", "41 200".
std::string show_number(double value, int digits = 4);
/// "0.812".
std::string show_fixed(double value, int decimals = 3);
/// 0.714 as "71.4 %".
std::string show_percent(double fraction);
/// 12345 as "12 345" (narrow no-break blanks).
std::string show_whole(double value);
/// "0.812 [0.731, 0.873]", or "0.812" without an interval.
std::string show_measure(const Measure& measure);
/// Times and counts as graft/base/units.h shows them; sizes to three digits: "411 MiB".
std::string seconds_or_unknown(double value);
std::string bytes_or_unknown(double value);
std::string count_or_unknown(double value);

/// Text made safe for HTML and XML, in elements and in quoted attributes. Control characters and
/// bytes that are not UTF-8 become U+FFFD.
std::string escape(std::string_view text);
/// "recall" as "Recall"; for ASCII letters.
std::string capitalized(std::string text);
/// At most `length` characters (code points), with "…" where something was left out.
std::string shorten(std::string_view text, size_t length);
/// Characters of UTF-8 text, for alignment in a terminal.
size_t text_width(std::string_view text);

}  // namespace graft::report
