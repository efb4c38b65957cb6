#include "graft/text/chat/template.h"

#include "graft/base/error.h"
#include "graft/text/chat/conversation.h"
#include "graft/text/chat/jinja/failure.h"
#include "graft/text/chat/jinja/functions.h"
#include "graft/text/chat/jinja/interpreter.h"
#include "graft/text/chat/jinja/parser.h"
#include "graft/text/chat/jinja/unicode.h"
#include "graft/text/chat/strftime.h"

namespace graft::texts {
namespace {

constexpr size_t kMaxSource = size_t{4} << 20;

bool same_origin(const SourceSpan& a, const SourceSpan& b) {
  return a.message == b.message && a.field == b.field && a.during == b.during &&
         a.generated == b.generated;
}

std::vector<SourceSpan> spans_of(const jinja::Text& text, const jinja::Fields& fields) {
  std::vector<SourceSpan> spans;
  size_t begin = 0;
  for (const jinja::Text::Run& run : text.runs()) {
    SourceSpan span{begin,
                    run.end,
                    run.origin.message,
                    fields.name(run.origin.field),
                    run.origin.during,
                    run.origin.generated};
    begin = run.end;
    if (!spans.empty() && same_origin(spans.back(), span)) {
      spans.back().end = span.end;
    } else {
      spans.push_back(std::move(span));
    }
  }
  return spans;
}

}  // namespace

struct ChatTemplate::Parsed {
  jinja::ast::Template tree;
};

ChatTemplate::ChatTemplate(const std::string& source, std::string name)
    : name_(std::move(name)), source_(source) {
  if (source.size() > kMaxSource)
    fail_unreadable("chat template '{}' has {} bytes; templates have at most {}", name_,
                    source.size(), kMaxSource);
  size_t bad = 0;
  if (!jinja::is_utf8(source, &bad))
    fail_unreadable("chat template '{}' is not UTF-8 text: byte {} does not fit", name_, bad);
  try {
    parsed_ = std::make_unique<const Parsed>(Parsed{jinja::parse(source)});
  } catch (const jinja::SyntaxFailure& failure) {
    fail_unreadable(
        "chat template '{}', line {}: {}; graft reads the part of Jinja that "
        "docs/chat_templates.md lists, so correct the template or name another one",
        name_, failure.line, failure.what);
  }
}

ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

bool ChatTemplate::has_generation_tags() const {
  return parsed_->tree.has_generation;
}

Rendered ChatTemplate::render(const Json& messages, const RenderOptions& options) const {
  jinja::Limits limits;
  limits.output_bytes = options.max_bytes;
  limits.work = options.max_work;
  jinja::Runtime runtime(limits);
  runtime.now = [&options](std::string_view format) { return format_date(options.now, format); };
  try {
    jinja::Interpreter interpreter(parsed_->tree, runtime);
    const jinja::Text text = interpreter.render(conversation(messages, options, runtime));
    return {text.str(), spans_of(text, runtime.fields)};
  } catch (const jinja::Refusal& refusal) {
    fail_unreadable(
        "chat template '{}', line {}, refuses this conversation: {}; change the messages, or name "
        "another template",
        name_, runtime.line, refusal.what);
  } catch (const jinja::Failure& failure) {
    fail_unreadable(
        "chat template '{}', line {}: {}; it does not fit this conversation, so check roles, "
        "content and tools, or name another template",
        name_, runtime.line, failure.what());
  }
}

}  // namespace graft::texts
