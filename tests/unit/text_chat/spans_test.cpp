#include <map>

#include "graft/base/error.h"
#include "graft/text/chat/builtin.h"
#include "graft/text/chat/mask.h"
#include "tests/unit/text_chat/golden.h"

namespace graft::texts {
namespace {

std::string part(const Rendered& rendered, const SourceSpan& span) {
  return rendered.text.substr(span.begin, span.end - span.begin);
}

std::string trimmed(const std::string& text) {
  if (text.ends_with("\u2003")) return trimmed(text.substr(0, text.size() - 3));
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// Everything that every rendering promises.
void check_cover(const Rendered& rendered, size_t messages) {
  size_t at = 0;
  for (const SourceSpan& span : rendered.spans) {
    ASSERT_EQ(span.begin, at);
    ASSERT_LT(span.begin, span.end);
    ASSERT_LT(span.message, static_cast<int>(messages));
    ASSERT_LT(span.during, static_cast<int>(messages));
    at = span.end;
  }
  ASSERT_EQ(at, rendered.text.size());
}

TEST(Spans, CoverTheTextAndHoldTheContent) {
  int found = 0;
  for (const std::string& name : test::template_names()) {
    const std::string source = test::template_source(name);
    for (const test::Case& one : test::cases()) {
      Rendered rendered;
      try {
        rendered = ChatTemplate(source, name).render(one.messages, one.options);
      } catch (const Error&) {
        continue;
      }
      check_cover(rendered, one.messages.size());
      for (size_t i = 0; i < one.messages.size(); ++i) {
        const Json& content = one.messages[i].value("content", Json());
        // Thoughts and tags are taken apart, quotes may be escaped.
        if (!content.is_string() ||
            content.get<std::string>().find_first_of("<\"") != std::string::npos)
          continue;
        std::string spans;
        for (const SourceSpan& span : rendered.spans) {
          if (span.message == static_cast<int>(i) && span.field == "content")
            spans += part(rendered, span);
        }
        if (spans.empty()) continue;  // some roles are left out
        const std::string wanted = trimmed(content.get<std::string>());
        EXPECT_NE(spans.find(wanted), std::string::npos)
            << name << " / " << one.name << ": '" << spans << "'";
        ++found;
      }
    }
  }
  EXPECT_GT(found, 500);
}

Rendered render(const std::string& source, const Json& variables = Json::object()) {
  const Json messages = Json::parse(R"([
    {"role": "user", "content": "  Hello, wide world "},
    {"role": "assistant", "content": "<think>\nhm\n</think>\n\nYes", "tool_calls": [{"n": 1, "s": "x"}]}])");
  RenderOptions options;
  options.variables = variables;
  return ChatTemplate(source, "test").render(messages, options);
}

/// "text«content» …": what is of a message stands in marks, with its index.
std::string marked(const std::string& source) {
  const Rendered rendered = render(source, {{"name", "VAR"}});
  std::string text;
  for (const SourceSpan& span : rendered.spans) {
    const std::string where =
        span.message >= 0 ? std::to_string(span.message) + span.field : span.field;
    text += where.empty() ? part(rendered, span) : "«" + where + ":" + part(rendered, span) + "»";
  }
  return text;
}

TEST(Spans, SurviveWhatTemplatesDoToTexts) {
  const std::map<std::string, std::string> expected{
      {"{{ 'a' + messages[0].content|trim + 'b' }}", "a«0content:Hello, wide world»b"},
      {"{{ messages[0].content[2:7] }}", "«0content:Hello»"},
      {"{{ messages[0].content[::-1]|trim }}", "«0content:dlrow ediw ,olleH»"},
      {"{{ messages[1].content.split('</think>')[-1].lstrip('\\n') }}", "«1content:Yes»"},
      {"{{ messages[0].content.split(', ')|join('+')|trim }}",
       "«0content:Hello»+«0content:wide world»"},
      {"{{ messages[0].content|trim|replace('wide', name) }}",
       "«0content:Hello, »«name:VAR»«0content: world»"},
      {"{{ messages[0].content|trim|upper }}", "«0content:HELLO, WIDE WORLD»"},
      {"{{ messages[0].content|trim|indent(2, true) }}", "  «0content:Hello, wide world»"},
      {"{% set x %}[{{ messages[0].content|trim }}]{% endset %}{{ x[1:-1] }}",
       "«0content:Hello, wide world»"},
      {"{% macro m(t) %}<{{ t|trim }}>{% endmacro %}{{ m(messages[0].content) }}",
       "<«0content:Hello, wide world»>"},
      {"{{ messages[1].tool_calls|tojson }}", "«1tool_calls:[{\"n\": 1, \"s\": \"x\"}]»"},
      {"{{ {'call': messages[1].tool_calls[0].s}|tojson }}", "{\"call\": «1tool_calls:\"x\"»}"},
      {"{{ messages[1].tool_calls[0].n ~ '!' }}", "«1tool_calls:1»!"},
      {"{{ '%s (%s)' % (messages[0].role, name) }}", "«0role:user» («name:VAR»)"},
      {"{{ '{}'.format(messages[0].role) }}", "«0role:user»"},
      {"{{ messages|map(attribute='role')|join(', ') }}", "«0role:user», «1role:assistant»"},
      {"{% filter upper %}a{{ messages[0].role }}{% endfilter %}", "A«0role:USER»"},
      {"{{ messages[0].role * 2 }}", "«0role:useruser»"},
      {"{{ [messages[0].role] }}", "[«0role:'user'»]"},
      {"{{ messages[0].role|list|first }}", "«0role:u»"},
      {"{{ messages[0].content|trim|e }}", "«0content:Hello, wide world»"},
  };
  for (const auto& [source, wanted] : expected) EXPECT_EQ(marked(source), wanted) << source;
}

TEST(Spans, SayWhichMessageWasHandled) {
  const auto handled = [](const std::string& source) {
    std::string text;
    const Rendered rendered = render(source);
    for (const SourceSpan& span : rendered.spans)
      text += part(rendered, span) + (span.during < 0 ? "-" : std::to_string(span.during));
    return text;
  };
  EXPECT_EQ(handled("a{% for m in messages %}b{% endfor %}c"), "a-b0b1c-");
  EXPECT_EQ(handled("{% for m in messages[1:] %}b{% endfor %}"), "b1");
  EXPECT_EQ(handled("{% for i in range(2) %}{% set m = messages[1 - i] %}b{% endfor %}"), "b1b0");
  EXPECT_EQ(handled("{% for m in messages %}{% set p = messages[0] %}b{% endfor %}"), "b0b1");
  EXPECT_EQ(handled("{% for m in messages %}{% for x in [1] %}b{% endfor %}{% endfor %}"), "b0b1");
  EXPECT_EQ(handled("{% macro f(m) %}b{% endmacro %}{{ f(messages[1]) }}{{ f(1) }}"), "b1b-");
  EXPECT_EQ(handled("{% for m in messages|reverse if m.role %}b{% endfor %}"), "b1b0");
  EXPECT_EQ(handled("{% for m in messages %}{% set x %}b{% endset %}{{ x }}{% endfor %}"), "b0b1");
}

}  // namespace
}  // namespace graft::texts
