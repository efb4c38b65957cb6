"""Random templates for comparing graft with Jinja2 beyond constructs.json: make_random.py OUT [count] [seed]; then run the unit test
with GRAFT_CHAT_CONSTRUCTS=OUT. Nothing of it is kept."""
import json
import random
import re
import sys
import warnings

from make_constructs import MESSAGES, VARIABLES
from render import render

NAMES = list(VARIABLES) + ["missing", "messages"]
LITERALS = ["0", "1", "-2", "3", "2.5", "''", "'a'", "' b '", "'a,b'", "'é'", "true", "none", "[]", "[1, 2]", "('x', 1)", "{'a': 1}", "'%s'", "'name'"]
FILTERS = ["trim", "upper", "lower", "title", "capitalize", "length", "first", "last", "list", "string", "int", "float", "abs", "round", "tojson", "reverse|list", "sort", "unique|list", "join", "join('-')", "default('d')", "default('d', true)",
           "replace('a', 'Q')", "replace('', '.')", "indent(2)", "indent(1, true)", "items|list", "dictsort", "min", "max", "sum", "select|list", "reject('none')|list", "map('string')|list", "map('length')|list", "map(attribute='name')|list",
           "selectattr('name')|list", "rejectattr('role', 'equalto', 'user')|list", "e", "safe", "batch(2)|list", "tojson(indent=1)", "truncate(5)", "center(9)", "wordcount", "groupby('role')|list|length"]
METHODS = ["strip()", "lstrip()", "rstrip('a ')", "split()", "split(',')", "split('l', 1)", "rsplit(None, 1)", "upper()", "title()", "startswith('H')", "endswith('a')", "find('l')", "count('l')", "replace('l', '')", "splitlines()", "get('a')",
           "items()|list", "keys()|list", "values()|list", "index(1)", "isdigit()", "partition('l')", "capitalize()", "isupper()", "join(['x', 'y'])", "format(1)"]
TESTS = ["defined", "none", "string", "mapping", "iterable", "sequence", "number", "boolean", "true", "odd", "even", "upper", "lower", "in 'abc'", "in [1, 'a']", "equalto 1", "gt 1", "integer", "float", "sameas none", "callable", "divisibleby 2"]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
INDICES = ["0", "-1", "1", "9", "'a'", "'name'", "'role'", "1:", ":2", "::-1", "-2:", "::2", "1:-1"]


def expression(r, depth):
    kind = r.randrange(12)
    if depth <= 0 or kind < 2:
        return r.choice(NAMES) if r.random() < 0.6 else r.choice(LITERALS)
    inner = expression(r, depth - 1)
    if kind < 5:
        return f"({inner})|{r.choice(FILTERS)}"
    if kind == 5:
        return f"({inner}).{r.choice(METHODS)}"
    if kind == 6:
        return f"(({inner}) is {r.choice(['', 'not '])}{r.choice(TESTS)})"
    if kind == 7:
        index = r.choice(INDICES)  # slices of constants that have none are undefined, of others an error
        return f"({r.choice(NAMES) if ':' in index else inner})[{index}]"
    if kind == 8:
        return f"({inner} if {expression(r, depth - 2)} else {expression(r, depth - 1)})"
    if kind == 9:
        return f"{r.choice(['not ', '-', ''])}({inner}) {r.choice(BINARY)} ({expression(r, depth - 1)})"
    return f"({inner}) {r.choice(BINARY)} ({expression(r, depth - 1)})"


def spaces(r):
    return r.choice(["", " ", "\n", "  \n", "\n  ", " a ", "\n\n\t"])


def mark(r):
    return r.choice(["", "", "-", "+"])


def body(r, depth):
    parts = []
    for _ in range(r.randrange(1, 4)):
        parts.append(spaces(r))
        kind = r.randrange(8) if depth > 0 else 0
        tag = lambda text: f"{{%{mark(r)} {text} {mark(r)}%}}"
        if kind < 2:
            parts.append(f"{{{{{r.choice(['', '-'])} {expression(r, 2)} {r.choice(['', '-'])}}}}}")
        elif kind == 2:
            parts += [tag(f"if {expression(r, 2)}"), body(r, depth - 1), tag("else"), body(r, depth - 1), tag("endif")]
        elif kind == 3:
            name = r.choice("xyz")
            condition = f" if {name} is {r.choice(TESTS)}" if r.random() < 0.2 else ""
            parts += [tag(f"for {name} in {expression(r, 1)}{condition}"), f"{{{{ loop.{r.choice(['index', 'last', 'revindex', 'length'])} }}}}{{{{ {name} }}}}", body(r, depth - 1),
                      tag(f"if loop.index > {r.randrange(3)}") + tag(r.choice(["break", "continue"])) + tag("endif") if r.random() < 0.3 else "", body(r, 0), tag("endfor")]
        elif kind == 4:
            parts.append(tag(f"set {r.choice('xyz')} = {expression(r, 2)}"))
        elif kind == 5:
            name = r.choice("xyz")
            parts += [tag(f"set {name}"), body(r, depth - 1), tag("endset"), f"{{{{ {name} }}}}"]
        elif kind == 6:
            parts += [tag("macro m(x, y=1)"), body(r, depth - 1), tag("endmacro"), f"{{{{ m({expression(r, 1)}) }}}}"]
        else:
            parts.append(f"{{#{mark(r)} c {mark(r)}#}}")
    return "".join(parts) + spaces(r)


def main(out, count, seed):
    warnings.simplefilter("ignore")
    r = random.Random(seed)
    results = []
    while len(results) < count:
        source = "{{ " + expression(r, 3) + " }}" if r.random() < 0.6 else body(r, 2)
        output = render(source, [dict(m) for m in MESSAGES], variables=VARIABLES)
        if isinstance(output, dict) and r.random() < 0.8 or not isinstance(output, dict) and re.search(r" at 0x|<(generator|function|built-in)", output):
            continue  # fewer mistakes; no addresses
        results.append([source, None if isinstance(output, dict) else output])
    with open(out, "w", encoding="utf-8") as file:
        json.dump({"messages": MESSAGES, "variables": VARIABLES, "templates": results}, file, ensure_ascii=False)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5000, int(sys.argv[3]) if len(sys.argv) > 3 else 1)
