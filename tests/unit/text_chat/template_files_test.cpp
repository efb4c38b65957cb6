#include "graft/text/chat/template_files.h"

#include "graft/base/error.h"
#include "tests/support/support.h"

namespace graft::texts {
namespace {

using graft::test::ScratchDir;
using graft::test::write_text;

std::string usual(const ChatTemplates& templates) {
  return templates.usual ? templates.usual->source() : "(none)";
}

TEST(TemplateFiles, TheFirstFileOfTransformersCounts) {
  const ScratchDir dir;
  EXPECT_EQ(usual(open_chat_template(dir.path())), "(none)");
  EXPECT_NE(open_chat_template(dir.path()).missing.find("brings no chat template"),
            std::string::npos);
  write_text(dir / "tokenizer_config.json", R"({"chat_template": "config"})");
  EXPECT_EQ(usual(open_chat_template(dir.path())), "config");
  EXPECT_TRUE(open_chat_template(dir.path()).notes.empty());
  write_text(dir / "chat_template.json", R"({"chat_template": "json"})");
  EXPECT_EQ(usual(open_chat_template(dir.path())), "json");
  write_text(dir / "chat_template.jinja", "jinja");
  const ChatTemplates templates = open_chat_template(dir.path());
  EXPECT_EQ(usual(templates), "jinja");
  EXPECT_TRUE(templates.from.ends_with("chat_template.jinja"));
  ASSERT_EQ(templates.notes.size(), 2U);
  EXPECT_NE(templates.notes[0].find("chat_template.jinja and chat_template.json"),
            std::string::npos);
  EXPECT_NE(templates.notes[1].find("hold different chat templates"), std::string::npos);
  write_text(dir / "tokenizer_config.json", R"({"chat_template": "jinja"})");
  EXPECT_EQ(open_chat_template(dir.path()).notes.size(), 1U);
}

TEST(TemplateFiles, ListsAndFoldersHaveOneForTools) {
  const ScratchDir dir;
  write_text(dir / "tokenizer_config.json",
             R"({"chat_template": [{"name": "tool_use", "template": "tools"},
                                   {"name": "default", "template": "usual"}]})");
  const ChatTemplates listed = open_chat_template(dir.path());
  EXPECT_EQ(listed.for_tools(false)->source(), "usual");
  EXPECT_EQ(listed.for_tools(true)->source(), "tools");
  write_text(dir / "chat_template.jinja", "jinja");
  EXPECT_EQ(open_chat_template(dir.path()).for_tools(true)->source(), "jinja");
  write_text(dir / "additional_chat_templates" / "tool_use.jinja", "more");
  EXPECT_EQ(open_chat_template(dir.path()).for_tools(true)->source(), "more");
}

TEST(TemplateFiles, WhatCannotBeUsedIsTold) {
  const ScratchDir dir;
  write_text(dir / "chat_template.jinja", "{% block x %}");
  const ChatTemplates broken = open_chat_template(dir.path());
  EXPECT_EQ(usual(broken), "(none)");
  ASSERT_EQ(broken.notes.size(), 1U);
  EXPECT_NE(broken.notes[0].find("line 1"), std::string::npos) << broken.notes[0];
  const ScratchDir named;
  write_text(named / "tokenizer_config.json",
             R"({"chat_template": [{"name": "rag", "template": "x"}]})");
  EXPECT_NE(open_chat_template(named.path()).missing.find("called default"), std::string::npos);
  write_text(named / "tokenizer_config.json", R"({"chat_template": [5]})");
  EXPECT_GRAFT_ERROR(open_chat_template(named.path()), ErrorCode::unreadable, "chat_template");
  write_text(named / "tokenizer_config.json", "[]");
  EXPECT_GRAFT_ERROR(open_chat_template(named.path()), ErrorCode::unreadable, "an object");
}

TEST(TemplateFiles, ChoicesByNameAndByFile) {
  const ScratchDir dir;
  write_text(dir / "mine.jinja", "mine");
  EXPECT_EQ(usual(open_chat_template(dir.path(), (dir / "mine.jinja").string())), "mine");
  EXPECT_EQ(usual(open_chat_template(dir.path(), "none")), "(none)");
  EXPECT_EQ(open_chat_template(dir.path(), "chatml").from, "built in");
  EXPECT_GRAFT_ERROR(open_chat_template(dir.path(), "chatmll"), ErrorCode::usage,
                     "did you mean 'chatml'");
  EXPECT_GRAFT_ERROR(open_chat_template(dir.path(), "x"), ErrorCode::usage, "auto, none, chatml");
}

}  // namespace
}  // namespace graft::texts
