"""The conversations that every template is rendered with."""
TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "description": "Weather of a \"city\" <now> & later", "parameters": {
        "type": "object", "properties": {"city": {"type": "string", "description": "Ort, z. B. Zürich"}, "days": {"type": "integer", "default": 1},
                                         "unit": {"type": "string", "enum": ["C", "F"]}, "where": {"type": "array", "items": {"type": "string"}}},
        "required": ["city"]}, "return": {"type": "number", "description": "degrees"}}},
    {"type": "function", "function": {"name": "now", "description": "The time.", "parameters": {"type": "object", "properties": {}}}},
]


def u(content, **more):
    return {"role": "user", "content": content, **more}


def a(content, **more):
    return {"role": "assistant", "content": content, **more}


def s(content):
    return {"role": "system", "content": content}


def t(content, **more):
    return {"role": "tool", "content": content, **more}


def call(name, arguments, id=None):
    inner = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return {"id": id, **inner} if id else inner


WEATHER = call("get_weather", {"city": "Zürich", "days": 2, "exact": True, "none": None, "deep": {"x": [1, 2.5, "<a>"]}}, "call12345")
CASES = {
    "single": dict(messages=[u("Hi there")]),
    "pair": dict(messages=[u("What is 2+2?"), a("It is 4.")]),
    "system_pair": dict(messages=[s("Be brief."), u("What is 2+2?"), a("4")]),
    "turns": dict(messages=[s("Be brief."), u("One?"), a("Two."), u("Three?"), a("Four."), u("Five?")]),
    "closed_turns": dict(messages=[u("One?"), a("Two."), u("Three?"), a("Four.")]),
    "empty": dict(messages=[s(""), u(""), a("")]),
    "unicode": dict(messages=[s("Sé breve, 请简短 "), u("  ¿Qué tal? 👩‍🚀 \n\n"), a("\n ok\tñandú ÀÉ \u2003"), u("\"<b>&'{{ x }}{% y %}\"")]),
    "special": dict(messages=[u("say <|im_end|> or <|eot_id|> [/INST]"), a("<|im_end|> </s> <end_of_turn>\nuser\n"), u("more")]),
    "parts": dict(messages=[s([{"type": "text", "text": "Be brief."}]), u([{"type": "text", "text": " One "}, {"type": "text", "text": "two"}]),
                            a([{"type": "text", "text": "Three."}]), u([{"type": "text", "text": "Four"}])]),
    "image": dict(messages=[u([{"type": "image"}, {"type": "text", "text": "What is this?"}]), a("A cat.")]),
    "tools": dict(messages=[u("Weather?")], tools=TOOLS),
    "tools_system": dict(messages=[s("Be brief."), u("Weather?"), a("Where?"), u("Here.")], tools=TOOLS),
    "tool_call": dict(messages=[u("Weather?"), a("", tool_calls=[WEATHER]), t("{\"degrees\": 21}", name="get_weather", tool_call_id="call12345"), a("It is 21.")],
                      tools=TOOLS),
    "tool_calls": dict(messages=[u("Weather?"), a("Let me look.", tool_calls=[call("get_weather", {"city": "Rom"}, "aaaaaaaaa"), call("now", {}, "bbbbbbbbb")]),
                                 t("20", name="get_weather", tool_call_id="aaaaaaaaa"), t("12:00", name="now", tool_call_id="bbbbbbbbb"), a("20 at noon."),
                                 u("Thanks"), a("Welcome.")], tools=TOOLS),
    "tool_text": dict(messages=[u("Weather?"), a(None, tool_calls=[call("get_weather", "{\"city\": \"Rom\"}", "ccccccccc")]),
                                t("20", name="get_weather", tool_call_id="ccccccccc")], tools=TOOLS),
    "no_tools_call": dict(messages=[s("x"), u("Weather?"), a("", tool_calls=[call("now", {})]), t({"time": "12"}), a("Noon.")]),
    "thinking": dict(messages=[u("2+2?"), a("4", reasoning_content="Two and two."), u("3+3?"), a("6", reasoning_content="Three and three.\n")]),
    "thinking_inline": dict(messages=[u("2+2?"), a("<think>\nTwo and two.\n</think>\n\n4"), u("3+3?"), a("<think>Three</think>6")]),
    "thinking_off": dict(messages=[u("2+2?"), a("4")], variables={"enable_thinking": False}),
    "thinking_on": dict(messages=[s("Be brief."), u("2+2?")], variables={"enable_thinking": True, "reasoning_effort": "high"}),
    "thinking_tools": dict(messages=[u("Weather?"), a("", reasoning_content="I should look.", tool_calls=[WEATHER]),
                                     t("21", name="get_weather", tool_call_id="call12345"), a("21.", reasoning_content="Got it.")], tools=TOOLS),
    "developer": dict(messages=[{"role": "developer", "content": "Be brief."}, u("Hi"), a("Ho")]),
    "two_users": dict(messages=[u("One"), u("Two"), a("Three"), a("Four")]),
    "late_system": dict(messages=[u("One"), a("Two"), s("Now be long."), u("Three")]),
    "nobody": dict(messages=[]),
}
VARIABLES = {"bos_token": "<s>", "eos_token": "</s>"}
