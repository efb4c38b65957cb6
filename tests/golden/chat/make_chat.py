"""Renders every template with every conversation, with and without a generation prompt: make_chat.py [fetched (.deps/chat_templates)].

Writes conversations.json; expected/<template>.json for the templates here; digests.json for the fetched ones, whose text is not ours to
keep: FNV-1a digests of what they render. Run with .deps/oracles/bin/python, after fetch_templates.py."""
import json
import pathlib
import sys

from conversations import CASES, VARIABLES
from render import NOW, render

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]


def dump(path, value, indent=0):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=indent) + "\n", encoding="utf-8")


def digest(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def outputs(file):
    source = file.read_text(encoding="utf-8")
    results = {}
    for name, case in CASES.items():
        variables = VARIABLES | case.get("variables", {})
        results[name] = [render(source, case["messages"], case.get("tools"), add, variables=variables) for add in (False, True)]
    return results


def generation_marks(file):
    """Characters inside {% generation %}, as transformers' tracker finds them."""
    source = file.read_text(encoding="utf-8")
    return {name: render(source, case["messages"], case.get("tools"), generation=True, variables=VARIABLES | case.get("variables", {}))[1]
            for name, case in CASES.items()}


def main(fetched):
    (HERE / "expected").mkdir(exist_ok=True)
    dump(HERE / "conversations.json", {"now": NOW, "variables": VARIABLES, "cases": CASES})
    kept = sorted((HERE / "templates").glob("*.jinja"))
    for file in kept:
        dump(HERE / "expected" / (file.stem + ".json"), outputs(file))
    dump(HERE / "marks.json", {file.stem: generation_marks(file) for file in kept if file.stem.endswith("_training")}, None)
    names = {file.name for file in kept}
    digests = {}
    for file in sorted(fetched.glob("*.jinja")):
        if file.name not in names:
            rendered = [text for both in outputs(file).values() for text in both]
            digests[file.stem] = " ".join("error" if isinstance(text, dict) else digest(text) for text in rendered)
    if digests:
        dump(HERE / "digests.json", digests)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".deps/chat_templates")
