"""Renders every template here and in .deps/chat_templates (see fetch_templates.py) with every conversation, with and without a
generation prompt: expected/<template>.json. Also writes conversations.json. Run with .deps/oracles/bin/python."""
import json
import pathlib
import sys

from conversations import CASES, VARIABLES
from render import NOW, render

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]


def dump(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def main(folders, out):
    out.mkdir(exist_ok=True, parents=True)
    dump(out.parent / "conversations.json", {"now": NOW, "variables": VARIABLES, "cases": CASES})
    for folder in folders:
        for file in sorted(folder.glob("*.jinja")):
            source = file.read_text(encoding="utf-8")
            results = {}
            for name, case in CASES.items():
                variables = VARIABLES | case.get("variables", {})
                results[name] = [render(source, case["messages"], case.get("tools"), add, variables=variables) for add in (False, True)]
            dump(out / (file.stem + ".json"), results)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        main([pathlib.Path(p) for p in sys.argv[2:]], pathlib.Path(sys.argv[1]))
    else:
        main([HERE / "templates", ROOT / ".deps/chat_templates"], HERE / "expected")
