#pragma once

#include <string>
#include <utility>
#include <vector>

namespace graft::report {

/// One self-contained HTML document: embedded style and script, light or dark as the reader's
/// system says, nothing loaded from anywhere (its content security policy forbids it).
class Page {
 public:
  /// `title` is plain text. `head` is HTML that stands above the sections.
  Page(std::string title, std::string head) : title_(std::move(title)), head_(std::move(head)) {}

  /// `id` is our own word (letters only), `title` plain text, `body` HTML. An empty body leaves the
  /// section out.
  void section(const std::string& id, const std::string& title, std::string body,
               const std::string& lead = "");
  /// A last line, plain text.
  void footer(std::string text) { footer_ = std::move(text); }
  std::string html() const;

 private:
  struct Section {
    std::string id, title, lead, body;
  };
  std::string title_;
  std::string head_;
  std::string footer_;
  std::vector<Section> sections_;
};

/// A box with a big number: plain text throughout.
std::string card(const std::string& label, const std::string& value, const std::string& note);

}  // namespace graft::report
