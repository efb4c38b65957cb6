#include "graft/cli/prompts.h"

#include <filesystem>
#include <iostream>

#include "graft/base/error.h"
#include "graft/text/unicode/utf8.h"

namespace graft::cli {
namespace fs = std::filesystem;
namespace {

Question question_of(const std::string& line, const std::string& where) {
  Question q;
  q.where = where;
  q.record = parse_json(line, where);
  const Json prompt = q.record.is_object() ? q.record.value("prompt", Json()) : Json();
  q.messages = q.record.is_object() ? q.record.value("messages", Json()) : Json();
  // Data for training has conversations as prompts, too.
  if (q.messages.is_null() && prompt.is_array()) q.messages = prompt;
  if (q.messages.is_array() && !q.messages.empty()) return q;
  if (!prompt.is_string() || !q.messages.is_null()) {
    fail_unreadable(
        "{}: expected an object with \"prompt\" (a text), or \"messages\" (a list of objects with "
        "\"role\" and \"content\")",
        where);
  }
  q.prompt = prompt.get<std::string>();
  return q;
}

}  // namespace

std::string as_utf8(const std::string& text) {
  return texts::is_valid_utf8(text) ? text : texts::repair_utf8(text).text;
}

std::vector<Question> read_questions(const std::string& file) {
  std::ifstream opened;
  if (file != "-") {
    if (!fs::is_regular_file(file))
      fail_unreadable("file: there is no file {}; for the words themselves give prompt=\"{}\"",
                      file, file);
    opened.open(file);
    if (!opened) fail_unreadable("file: {} cannot be read", file);
  }
  std::istream& from = file == "-" ? std::cin : opened;
  const std::string ending = fs::path(file).extension().string();
  const bool objects = ending == ".jsonl" || ending == ".json" || ending == ".ndjson";
  std::vector<Question> questions;
  std::string line;
  for (int number = 1; std::getline(from, line); ++number) {
    if (number == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    const std::string where = fmt::format("{}:{}", file, number);
    if (objects) {
      questions.push_back(question_of(line, where));
      continue;
    }
    line = as_utf8(line);
    questions.push_back({where, line, Json(), Json{{"prompt", line}}});
  }
  if (questions.empty()) fail_unreadable("file: {} holds no prompt", file);
  return questions;
}

OrderedLines::OrderedLines(const std::string& path, bool overwrite) : path_(path) {
  if (path.empty()) return;
  if (fs::exists(path) && !overwrite)
    fail_usage("output: {} is there already; give another name, or overwrite=true", path);
  file_.open(path);
  if (!file_) fail_usage("output: {} cannot be written", path);
}

void OrderedLines::put(size_t number, const Json& line) {
  waiting_.emplace(number, line.dump(-1, ' ', false, Json::error_handler_t::replace));
  std::ostream& to = path_.empty() ? std::cout : file_;
  for (auto at = waiting_.find(next_); at != waiting_.end(); at = waiting_.find(next_)) {
    to << at->second << "\n" << std::flush;
    waiting_.erase(at);
    ++next_;
  }
  if (!to)
    fail(ErrorCode::internal, "output: {} cannot be written further; the disk may be full", path_);
}

}  // namespace graft::cli
