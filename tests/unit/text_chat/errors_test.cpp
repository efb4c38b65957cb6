#include "graft/base/error.h"
#include "graft/text/chat/template.h"
#include "tests/support/support.h"

namespace graft::texts {
namespace {

std::string render(const std::string& source, const RenderOptions& options = {}) {
  const Json messages = Json::parse(R"([{"role": "user", "content": "Hi"}])");
  return ChatTemplate(source, "t.jinja").render(messages, options).text;
}

void expect_error(const std::string& source, const std::string& part) {
  RenderOptions options;
  options.max_work = size_t{200} << 20;
  EXPECT_GRAFT_ERROR(render(source, options), ErrorCode::unreadable, part);
}

TEST(TemplateErrors, NameTemplateAndLine) {
  expect_error("a\nb\n{{ 1 + }}", "chat template 't.jinja', line 3: expected an expression");
  expect_error("a\n{% if x %}\n", "line 2: the block that begins here has no endif");
  expect_error("{% for x in [] %}\n{% endif %}", "line 2: there is no block 'endif'");
  expect_error("\n\n{{ 'a", "line 3: a text has no closing quote");
  expect_error("\n{# a", "line 2: a comment {# has no end #}");
  expect_error("\n{{ (1 }}", "line 2: ");
  expect_error("\n{{ 1 ? }}", "unexpected character '?'");
  expect_error("a\n{{ missing.x }}", "line 2: 'missing' is undefined");
  expect_error("a\n\n{{ 1 +\n 'a' }}", "'+' does not work between int and str");
  expect_error("{% macro m(a) %}\n{{ a.b.c }}{% endmacro %}\n{{ m(1) }}", "line 2: ");
  expect_error("\n{{ raise_exception('no tools') }}",
               "line 2, refuses this conversation: no tools");
}

TEST(TemplateErrors, NameWhatIsNotSupported) {
  expect_error("\n{% include 'a' %}", "line 2: the block 'include' is not supported");
  expect_error("{% call m() %}{% endcall %}", "the block 'call' is not supported");
  expect_error("{% for x in [] recursive %}{% endfor %}", "'recursive' loops are not supported");
  expect_error("\n{{ 1|nosuch }}", "line 2: the filter 'nosuch' is not supported");
  expect_error("\n{{ 1 is nosuch }}", "line 2: the test 'nosuch' is not supported");
  expect_error("{{ '\\N{DASH}' }}", "\\N{...} is not supported");
}

TEST(TemplateErrors, TheSandboxHolds) {
  expect_error("{{ messages.append(1) }}", "the method 'append' of a list changes it");
  expect_error("{{ messages[0].update({}) }}", "the method 'update' of a dict changes it");
  expect_error("{{ ''.__class__.__mro__ }}", "'str object' has no attribute '__class__'");
  expect_error("{{ namespace.__init__.__globals__ }}", "has no attribute '__init__'");
  expect_error("{{ range(1000000) }}", "range: more than 100000 numbers");
}

std::string repeated(const std::string& part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

TEST(TemplateErrors, NothingGrowsWithoutEnd) {
  expect_error("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "levels deep");
  expect_error("{{ 'a' * 100000000000 }}", "more than 67108864 bytes");
  expect_error(
      "{% set ns = namespace(x='a') %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}"
      "{% endfor %}",
      "more than 67108864 bytes");
  expect_error(
      "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}"
      "{% endfor %}",
      "steps for one conversation");
  expect_error(
      "{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}"
      "{% endfor %}",
      "deep inside each other");
  expect_error(
      "{% for a in range(9999) %}{% for b in range(99999) %}{% for c in range(99999) %}"
      "{% endfor %}{% endfor %}{% endfor %}",
      "steps for one conversation");
  expect_error("{{ 9223372036854775807 + 1 }}", "beyond 64 bits");
  expect_error("{{ 2 ** 64 }}", "beyond 64 bits");
  expect_error("{{ " + repeated("(", 5000) + "1" + repeated(")", 5000) + " }}", "nested more than");
  expect_error("{{ " + repeated("not ", 5000) + "1 }}", "nested more than");
  expect_error("{{ " + repeated("-", 5000) + "1 }}", "nested more than");
  expect_error("{{ 1" + repeated("+1", 5000) + " }}", "operators in one row");
  expect_error("{{ x" + repeated(".x", 5000) + " }}", "operators in one row");
  expect_error("{{ x" + repeated("|e", 5000) + " }}", "operators in one row");
  expect_error(repeated("{% if 1 %}", 5000) + repeated("{% endif %}", 5000), "nested more than");
  expect_error("{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}", "levels deep");
  expect_error(std::string(5 << 20, 'a'), "templates have at most");
  expect_error("\xff", "is not UTF-8");
}

TEST(TemplateErrors, LimitsCanBeSet) {
  RenderOptions options;
  options.max_bytes = 10;
  EXPECT_EQ(render("{{ '0123456789' }}", options), "0123456789");
  EXPECT_GRAFT_ERROR(render("{{ '0123456789' }}a", options), ErrorCode::unreadable,
                     "more than 10 bytes");
  options.max_bytes = 1000;
  options.max_work = 2000;
  EXPECT_GRAFT_ERROR(render("{% for i in range(99) %}{{ i }}{% endfor %}", options),
                     ErrorCode::unreadable, "more than 2000 steps");
}

TEST(TemplateErrors, MessagesThatAreNone) {
  const ChatTemplate chat("{{ messages }}", "t");
  EXPECT_GRAFT_ERROR(chat.render(Json::parse("{}")), ErrorCode::unreadable, "a list of messages");
  EXPECT_GRAFT_ERROR(chat.render(Json::parse("[1]")), ErrorCode::unreadable, "message 0");
  std::string deep(3000, '[');
  deep += std::string(3000, ']');
  EXPECT_GRAFT_ERROR(chat.render(Json::array({{{"role", "user"}, {"content", Json::parse(deep)}}})),
                     ErrorCode::unreadable, "levels deep");
}

TEST(TemplateErrors, MacrosOutliveTheirLoops) {
  EXPECT_EQ(
      render("{% set ns = namespace() %}{% for x in [1, 2] %}{% macro m() %}{{ x }}{% endmacro %}"
             "{% set ns.m = m %}{% endfor %}{{ ns.m() }}"),
      "2");
  EXPECT_EQ(
      render("{% set ns = namespace() %}{% for x in [1, 2] %}{% set ns.l = loop %}{% endfor %}"
             "{{ ns.l.index }}{{ ns.l.previtem }}"),
      "21");
}

TEST(Dates, AreThoseThatWereAskedFor) {
  RenderOptions options;
  options.now = 951827696;  // 2000-02-29 12:34:56
  EXPECT_EQ(render("{{ strftime_now('%d %b %Y %H:%M:%S %-d %-m %j') }}", options),
            "29 Feb 2000 12:34:56 29 2 060");
}

}  // namespace
}  // namespace graft::texts
