#include "graft/report/page.h"

#include "graft/report/style.h"
#include "graft/report/text.h"

namespace graft::report {

void Page::section(const std::string& id, const std::string& title, std::string body,
                   const std::string& lead) {
  if (!body.empty()) sections_.push_back({id, title, lead, std::move(body)});
}

std::string Page::html() const {
  std::string out =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>" +
      escape(title_) + "</title>\n<style>" + style_sheet() + "</style>\n</head>\n<body>\n<main>\n";
  out += head_;
  if (sections_.size() > 2) {
    out += "\n<nav aria-label=\"Sections\">";
    for (const Section& section : sections_) {
      out += "<a href=\"#" + section.id + "\">" + escape(section.title) + "</a>";
    }
    out += "</nav>";
  }
  for (const Section& section : sections_) {
    out += "\n<section id=\"" + section.id + "\"><h2>" + escape(section.title) + "</h2>";
    if (!section.lead.empty()) out += "<p class=\"lead\">" + escape(section.lead) + "</p>";
    out += section.body + "</section>";
  }
  if (!footer_.empty()) out += "\n<footer>" + escape(footer_) + "</footer>";
  out += "\n</main>\n<div id=\"tip\" hidden></div>\n<script>";
  return out + script() + "</script>\n</body>\n</html>\n";
}

std::string card(const std::string& label, const std::string& value, const std::string& note) {
  std::string out = "<div class=\"card\"><span class=\"label\">" + escape(label) +
                    "</span><span class=\"big\">" + escape(value) + "</span>";
  if (!note.empty()) out += "<small>" + escape(note) + "</small>";
  return out + "</div>";
}

}  // namespace graft::report
