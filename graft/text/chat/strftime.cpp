#include "graft/text/chat/strftime.h"

#include <fmt/format.h>

#include "graft/text/chat/jinja/failure.h"

namespace graft::texts {
namespace {

constexpr const char* kDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                 "Thursday", "Friday", "Saturday"};
constexpr const char* kMonths[] = {"January",   "February", "March",    "April",
                                   "May",       "June",     "July",     "August",
                                   "September", "October",  "November", "December"};

std::string directive(char what, const std::tm& time) {
  const auto two = [](int value) { return fmt::format("{:02}", value); };
  const int hour12 = time.tm_hour % 12 == 0 ? 12 : time.tm_hour % 12;
  switch (what) {
    case 'Y':
      return fmt::format("{}", time.tm_year + 1900);
    case 'y':
      return two(time.tm_year % 100);
    case 'm':
      return two(time.tm_mon + 1);
    case 'd':
      return two(time.tm_mday);
    case 'e':
      return fmt::format("{:2}", time.tm_mday);
    case 'H':
      return two(time.tm_hour);
    case 'I':
      return two(hour12);
    case 'M':
      return two(time.tm_min);
    case 'S':
      return two(time.tm_sec);
    case 'p':
      return time.tm_hour < 12 ? "AM" : "PM";
    case 'A':
      return kDays[time.tm_wday];
    case 'a':
      return std::string(kDays[time.tm_wday]).substr(0, 3);
    case 'B':
      return kMonths[time.tm_mon];
    case 'b':
    case 'h':
      return std::string(kMonths[time.tm_mon]).substr(0, 3);
    case 'j':
      return fmt::format("{:03}", time.tm_yday + 1);
    case 'w':
      return fmt::format("{}", time.tm_wday);
    case 'u':
      return fmt::format("{}", time.tm_wday == 0 ? 7 : time.tm_wday);
    case 'F':
      return directive('Y', time) + "-" + directive('m', time) + "-" + directive('d', time);
    case 'T':
      return directive('H', time) + ":" + directive('M', time) + ":" + directive('S', time);
    case 'D':
      return directive('m', time) + "/" + directive('d', time) + "/" + directive('y', time);
    case 'f':
      return "000000";
    case 'Z':
    case 'z':
      return "";  // Python's datetime.now() has no zone
    case 'n':
      return "\n";
    case 't':
      return "\t";
    case '%':
      return "%";
    default:
      return {'%', what};
  }
}

}  // namespace

std::string format_date(std::time_t when, std::string_view format) {
  std::tm time{};
  if (gmtime_r(&when, &time) == nullptr) jinja::fail_here("the date lies outside of the calendar");
  if (format.size() > 1000) jinja::fail_here("strftime_now: a format of {} bytes", format.size());
  std::string out;
  for (size_t at = 0; at < format.size(); ++at) {
    if (format[at] != '%' || at + 1 == format.size()) {
      out += format[at];
      continue;
    }
    // A dash leaves out leading zeros, as in glibc.
    const bool bare = format[at + 1] == '-' && at + 2 < format.size();
    at += bare ? 2 : 1;
    std::string part = directive(format[at], time);
    if (bare) part.erase(0, std::min(part.find_first_not_of("0 "), part.size() - 1));
    out += part;
  }
  return out;
}

}  // namespace graft::texts
