"""constructs.json: small templates that walk what graft has of Jinja2, each with what Jinja2 makes of it (null: an error). They are
ours. Run with .deps/oracles/bin/python."""
import json
import pathlib

from render import render

MESSAGES = [{"role": "system", "content": " Sys "}, {"role": "user", "content": "Hé <b>\nyou"}, {"role": "assistant", "content": "", "tool_calls": [1]}]
VARIABLES = {
    "n": 7, "neg": -7, "f": 2.5, "big": 1e16, "small": 1e-5, "yes": True, "no": False, "nothing": None, "text": "Hello wörld", "empty": "",
    "list": [3, 1, 2], "words": ["b", "A", "c", "a"], "mixed": [1, "a", None, True, 2.5, [1], {"k": "v"}], "dict": {"b": 1, "a": 2, "C": 3},
    "people": [{"name": "Bo", "age": 3, "in": {"x": [5]}}, {"name": "al", "age": 1}, {"name": "Cy", "age": 2, "in": {"x": [4]}}],
    "quotes": "it's \"q\" \\ \n\t\x07 \u00ad é \U0001f600 \ue000", "spaces": " \u2003a b\u3000 c\n ", "lines": "a\nb\r\nc\n\nd", "nested": {"items": [1], "get": "g", "x": {"y": {"z": 1}}},
    "unicode": "straße ÀÉñ ΩΣς ДЖ", "html": "<a href='x'>\"&\"</a>", "numbers": ["1", " 2 ", "3.7", "x", "1e3", "0x1f", "-5", "1_0"],
}
T = []


def expressions(*sources):
    T.extend("{{ " + source + " }}" for source in sources)


# Literals, escapes, numbers.
expressions("1", "-1", "+1", "1.0", "1e3", "1e-7", "123456789.125", "1e22", "1_000", "0x1F", "0b101", "0o17", "'a' 'b'", "'a\\n\\t\\'\\\"\\\\\\x41\\u00e9\\U0001f600\\101\\q'", '"é\'"',
            "true", "True", "false", "none", "None", "[]", "()", "(1,)", "(1, 2)", "1, 2", "[1, 'a', [2]]", "[1, 2,]", "{}", "{'a': 1, 'b': [1, 2]}", "{'a': 1, 'a': 2}", "{1: 2, none: 3}.items()|list",
            "mixed", "quotes", "[quotes]", "dict", "people", "[\"it's\"]", "['a\"b']", "big", "small", "[1e15, 1e16, 123456789012345680.0, 0.1, 1e-4, 1e-5, 5e-324]", "f", "[true, none]", "missing", "[missing]")
# Operators.
expressions("1 + 2 * 3", "(1 + 2) * 3", "7 / 2", "8 / 2", "7 // 2", "-7 // 2", "7 % 3", "-7 % 3", "7 % -3", "2 ** 10", "2 ** -1", "-2 ** 2", "2 ** 3 ** 2", "7.5 // 2", "-7.5 % 2", "7.5 % -2", "1 + 2.0",
            "'a' + 'b'", "'a' * 3", "3 * 'ab'", "[1] + [2]", "[1] * 2", "(1,) + (2,)", "'a' ~ 1 ~ none ~ missing ~ [1]", "1 ~ 2", "1 + 2 ~ 3 + 4", "'a' + 1", "1 + 'a'", "none + 1", "missing + 1", "[1] + (2,)",
            "1 / 0", "1 % 0", "1.0 // 0", "true + 1", "- true", "-'a'", "'%s is %d or %05.1f %%' % ('x', 3, 2.25)", "'%s' % 'a'", "'%s' % [1]", "'%s %s' % ('a',)", "9 - 3 - 2", "2 - -2", "not 1", "not not ''",
            "1 == 1.0", "true == 1", "'a' == \"a\"", "[1, 2] == [1, 2]", "[1] == (1,)", "{'a': 1} == {'a': 1.0}", "none == false", "missing == missing", "missing == none", "1 != 2", "1 < 2 < 3", "1 < 3 < 2",
            "'a' < 'b'", "'é' > 'z'", "[1, 2] < [1, 3]", "1 < 'a'", "none < 1", "missing < 1", "2 >= 2", "2 <= 1", "1 < 2.5", "'a' in 'abc'", "'' in 'abc'", "1 in [1, 2]", "1 not in [1, 2]", "'b' in dict", "1 in 'a'",
            "missing in 'a'", "1 in none", "1 in missing", "'x' in missing", "not 'a' in 'abc'", "1 and 2", "0 and 2", "0 or ''", "'' or 'x'", "1 or missing.x", "0 or 0 or 3", "1 and not 0", "1 if yes else 2", "1 if no",
            "1 if no else 2 if no else 3", "(1 if yes) + 1", "missing or 'd'", "n > 5 and n < 10 or no", "not no and yes", "1 in [1] and 2 in [2]", "-n|abs", "-5|abs", "n|string ~ 'x'", "1 + n|string|length", "2|float", "(2)|float + 1")
# Attributes, items, slices.
expressions("text[0]", "text[-1]", "text[99]", "text[1:3]", "text[:-1]", "text[::-1]", "text[::2]", "text[5:2]", "text[-3:]", "text[:100]", "text[7:8]", "list[0]", "list[-1]", "list[5]", "list[1:]", "list[::-1]", "list[-2:-1]", "list[:0]",
            "(1, 2, 3)[1:]", "list['x']", "dict['a']", "dict.a", "dict['zz']", "dict.zz", "dict['items'] is defined", "nested.items is callable", "nested['items']", "nested.x.y.z", "nested['x']['y'].z",
            "nested.q.r", "nested.q", "none.x", "n.x", "missing.x", "missing['x']", "missing[0]", "missing[1:]", "text.x", "people.0.name", "people[0].in.x[0]", "people.1.in is defined", "range(5)[2]", "range(5)[1:3]|list", "list[1.5]", "list[true]",
            "dict[none]", "dict[list]", "text[none:2]", "text['a':]", "list[::0]", "nothing[1:]", "dict[1:]", "{'a': {'b': 2}}['a']['b']", "'abc'[1]", "'abc'.upper()[0]", "[[1, 2], [3]][0][1]", "people[-1]['name']", "list[n - 6]", "loop")
# Methods.
for method in ("strip()", "lstrip()", "rstrip()", "upper()", "lower()", "title()", "capitalize()", "split()", "split(' ')", "split(None, 1)", "rsplit(None, 1)", "rsplit(' ', 1)", "split('l', 1)", "splitlines()", "isspace()", "isdigit()", "isalpha()",
               "isalnum()", "isupper()", "islower()", "swapcase_no()", "encode_no"):
    expressions("text." + method, "spaces." + method, "unicode." + method, "empty." + method)
expressions("'xxaxx'.strip('x')", "'xxaxx'.lstrip('x')", "'xyaxy'.rstrip('yx')", "'éaé'.strip('é')", "'a,b,,c'.split(',')", "'a,b,c'.split(',', 1)", "'a,b,c'.rsplit(',', 1)", "'aXXb'.split('XX')[-1]", "'abc'.split('')", "lines.splitlines()",
            "lines.splitlines(true)", "text.startswith('Hell')", "text.endswith('ld')", "text.startswith(('x', 'H'))", "text.endswith('')", "text.startswith(1)", "text.find('w')", "text.find('zz')", "text.find('r')", "text.rfind('l')", "text.index('l')",
            "text.index('zz')", "text.count('l')", "text.count('')", "'aaaa'.count('aa')", "text.replace('l', 'L')", "text.replace('l', 'L', 1)", "text.replace('', '-')", "text.replace('wö', '')", "', '.join(words)", "''.join([])", "', '.join([1])",
            "'-'.join('abc')", "'a-b-c'.partition('-')", "'a-b-c'.rpartition('-')", "'abc'.partition('x')", "'abc'.rpartition('x')", "'prefix-x'.removeprefix('prefix')", "'x.txt'.removesuffix('.txt')", "'x'.removesuffix('')", "'{} and {}'.format(1, 'b')",
            "'{1}{0}'.format('a', 'b')", "'{x}'.format(x=1)", "'{{}}'.format()", "'{}'.format()", "'it''s'.title()", "\"they're bill's\".title()", "dict.items()|list", "dict.items()", "dict.keys()|list", "dict.values()|list", "dict.get('a')", "dict.get('zz')",
            "dict.get('zz', 5)", "dict.get()", "dict.update({})", "dict.pop('a')", "list.append(1)", "list.pop()", "list.index(1)", "list.index(9)", "list.count(1)", "dict.copy()", "list.copy()", "dict.items()|length", "dict.keys()|length", "dict.items()[0]",
            "list.append is defined", "text.strip is defined", "text.strip(1)", "text.strip('a', 'b')", "dict.items(1)", "none.strip()", "text.nomethod()", "n.bit_length_no()")
# Filters.
expressions("text|length", "text|count", "list|length", "dict|length", "none|length", "missing|length", "n|length", "words|map('upper')|length", "spaces|trim", "'xxa'|trim('x')", "n|trim", "missing|trim", "none|trim", "text|upper", "unicode|upper",
            "unicode|lower", "n|upper", "none|lower", "'hello wOrLD foo-bar (baz) [q] it\\'s'|title", "'éa ßx'|title", "'HELLO World'|capitalize", "'ßa'|capitalize", "''|capitalize", "list|join", "list|join(', ')", "people|join(', ', attribute='name')",
            "text|join('.')", "dict|join(',')", "missing|join(',')", "none|join(',')", "mixed|join('|')", "list|first", "[]|first", "[]|first is defined", "text|first", "list|last", "[]|last", "text|last", "dict|first", "dict|last", "none|first", "missing|default('x')",
            "none|default('x')", "none|default('x', true)", "''|default('x', boolean=true)", "missing|d", "missing|default", "missing.x|default('y')", "n|string", "n|string|length", "none|string", "list|string", "yes|string", "missing|string", "'3'|int", "'x'|int",
            "'x'|int(5)", "'ff'|int(0, 16)", "'0xff'|int(base=16)", "3.9|int", "-3.9|int", "none|int", "true|int", "[]|int", "missing|int", "numbers|map('int')|list", "numbers|map('float')|list", "'3.5'|float", "'x'|float", "'x'|float(1.5)", "none|float", "'nan'|float", "'inf'|float",
            "'-inf'|float", "text|list", "dict|list", "none|list", "missing|list", "(1, 2)|list", "dict|items|list", "missing|items|list", "list|items|list", "dict|dictsort", "dict|dictsort(true)", "dict|dictsort(by='value', reverse=true)", "dict|dictsort(by='x')",
            "list|dictsort", "{'b': 1, 2: 3}|dictsort", "people|selectattr('in')|map(attribute='name')|list", "people|selectattr('age', 'gt', 1)|map(attribute='name')|list", "people|rejectattr('age', 'equalto', 1)|map(attribute='name')|join", "people|selectattr('in', 'defined')|list|length",
            "people|selectattr('in.x.0', 'defined')|list|length", "people|map(attribute='in.x.0')|list", "people|map(attribute='in.x.0', default=0)|list", "people|map(attribute='name')|map('lower')|list", "words|map('replace', 'a', 'z')|list", "words|map('nofilter')|list", "words|map|list",
            "[]|map|list", "none|map('upper')|list", "list|select|list", "[0, 1, '']|select|list", "list|select('odd')|list", "list|reject('odd')|list", "list|reject('in', [1, 2])|list", "list|select('>', 1)|list", "list|select('notest')|list", "none|select|list", "missing|reject|list",
            "words|sort", "words|sort(case_sensitive=true)", "words|sort(reverse=true)", "people|sort(attribute='age')|map(attribute='name')|list", "people|sort(attribute='name,age')|map(attribute='name')|list", "[1, 'a']|sort", "dict|sort", "text|sort|join", "words|unique|list",
            "words|unique(true)|list", "[1, 1.0, true, 2]|unique|list", "people|unique(attribute='age')|list|length", "list|reverse|list", "text|reverse", "dict|reverse|list", "n|reverse", "'<b>'|safe", "('<b>'|safe) + '<c>'", "'<c>' + ('<b>'|safe)", "('<b>'|safe) ~ '<c>'",
            "html|e", "html|escape|e", "html|forceescape", "html|e|forceescape", "n|e", "lines|indent", "lines|indent(2)", "lines|indent(2, true)", "lines|indent(2, blank=true)", "lines|indent('> ', first=true)", "''|indent", "'a'|indent", "n|indent", "-3|abs", "2.5|abs", "'a'|abs", "2.5|round", "3.5|round",
            "2.567|round(2)", "2.675|round(2)", "2.5|round(method='ceil')", "2.55|round(1, 'floor')", "7|round", "7|round(1)", "1234|round(-2)", "1234.5|round(-2)", "2.5|round(0, 'x')", "list|min", "list|max", "[]|max", "words|min", "words|max(case_sensitive=true)", "people|max(attribute='age')",
            "list|sum", "[]|sum", "people|sum(attribute='age')", "people|sum('age', 10)", "[[1], [2]]|sum(start=[])", "['a']|sum", "text|replace('l', 'L')", "text|replace('l', 'L', 2)", "n|replace(7, 8)", "text|replace('', '.')", "text|center(20)", "text|center(21) ~ '|'", "'ab'|center(5) ~ '|'", "'abc'|center(6) ~ '|'", "text|truncate(5)",
            "text|truncate(5, true, leeway=0)", "'foo bar baz qux'|truncate(9, leeway=0)", "'foo bar baz qux'|truncate(11)", "'a b_c, d-e'|wordcount", "'%s-%s'|format(1, 'x')", "list|batch(2)|list", "list|batch(2, 0)|list", "people|groupby('age')|list|length", "(people|groupby('name')|list)[0][0]", "people|attr('x') is defined",
            "dict|attr('a') is defined", "text|nofilter", "text|upper('x')", "text|replace('a')", "dict|tojson", "mixed|tojson", "people|tojson", "quotes|tojson", "quotes|tojson(ensure_ascii=true)", "html|tojson", "dict|tojson(indent=2)", "mixed|tojson(indent=4)", "{'a': {}, 'b': [], 'c': [1, {'d': 2}]}|tojson(indent=2)", "[[]]|tojson(indent=0)",
            "dict|tojson(sort_keys=true)", "{2: 1, 1: 2}|tojson(sort_keys=true)", "dict|tojson(separators=(',', ':'))", "dict|tojson(indent='--')", "{1: 2, true: 3, none: 4, 2.5: 5}|tojson", "[1.0, 1e20, 1e-7, 'nan'|float, 'inf'|float]|tojson", "(1, 2)|tojson", "missing|tojson", "[missing]|tojson", "range(3)|tojson", "list|map('string')|tojson",
            "none|tojson", "'\\u2028\\x7f'|tojson", "messages|tojson", "messages[2]|tojson(indent=1)", "text|tojson|safe", "n|tojson", "dict.items()|tojson", "{'a': (1,)}|tojson")
# Tests.
VALUES = ("missing", "none", "true", "n", "f", "text", "list", "dict", "(1, 2)", "range(3)", "dict.items()", "list|map('string')", "text.strip")
for test in ("defined", "undefined", "none", "string", "mapping", "iterable", "sequence", "number", "boolean", "true", "false", "integer", "float", "callable", "escaped"):
    T.append("{{ [" + ", ".join(f"({value}) is {test}" for value in VALUES) + "] }}")
expressions("n is odd", "n is even", "n is divisibleby 7", "n is divisibleby(2)", "n is equalto 7", "n is eq(7)", "n is ne 7", "n is gt 3", "n is greaterthan(30)", "n is lt 3", "n is lessthan 30", "n is ge 7", "n is le 6", "'a' is in 'abc'", "1 is in [1]", "'ABC' is upper", "'abc' is lower",
            "'' is lower", "n is sameas 7", "none is sameas none", "true is sameas 1", "'upper' is filter", "'nofilter' is filter", "'odd' is test", "n is not odd", "not n is odd", "n is defined and n is odd", "n is odd or no", "n is notest", "'a' is odd", "none is not none", "text is string and text|length > 3", "x is defined and x.y is string",
            "n is odd if yes else 3", "1 if n is odd else 2", "('<'|e) is escaped", "n is not divisibleby 2", "n is number == true")
# Functions.
expressions("range(3)|list", "range(1, 4)|list", "range(5, 0, -2)|list", "range(0)|list", "range(1, 4, 0)", "range(200000)|length", "range('a')", "dict(a=1, b=2)", "nodict", "namespace(a=1).a", "namespace({'a': 2}, b=3).b", "namespace(a=1).zz is defined", "namespace(_x=1)", "raise_exception('no')", "strftime_now('%Y-%m-%d %H:%M:%S')",
            "strftime_now('%d %b %Y, %A %B %j %p %I %y %% %a')", "strftime_now('%-d/%-m')", "nofunction()", "text()", "range(*[1, 3])|list", "dict(**dict)", "range(1, 2, 3, 4)", "dict([['a', 1]])", "dict({'a': 1}, b=2)", "range(stop=3)", "text.split(sep='o')", "namespace()")
# Statements.
T += [
    "{% if n == 7 %}a{% elif no %}b{% else %}c{% endif %}", "{% if no %}a{% elif yes %}b{% else %}c{% endif %}", "{% if no %}a{% elif no %}b{% else %}c{% endif %}", "{% if missing %}a{% endif %}b", "{% if missing.x %}a{% endif %}",
    "{% for x in list %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}", "{% for x in [] %}a{% else %}empty{% endfor %}", "{% for x in list %}a{% else %}empty{% endfor %}", "{% for k, v in dict.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k in dict %}{{ k }}{% endfor %}",
    "{% for c in 'aé😀' %}[{{ c }}]{% endfor %}", "{% for x in missing %}a{% else %}b{% endfor %}", "{% for x in none %}a{% endfor %}", "{% for x in 5 %}a{% endfor %}", "{% for (a, b) in [[1, 2], [3, 4]] %}{{ a + b }}{% endfor %}", "{% for a, b in [[1, 2, 3]] %}{% endfor %}", "{% for a in [1], [2] %}{{ a }}{% endfor %}",
    "{% for x in list %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }}{{ loop.cycle('a', 'b') }};{% endfor %}",
    "{% for x in list %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {{ loop.previtem is defined }}{% endfor %}", "{% for x in list %}{% for y in list %}{{ loop.depth }}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}", "{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{% endfor %}",
    "{% for x in list if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% endfor %}", "{% for x in list if x > 5 %}a{% else %}b{% endfor %}", "{% for x in list if x is odd %}{{ x }}{% endfor %}", "{% for x in (list if yes else []) %}{{ x }}{% endfor %}", "{% for x in list %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in list %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}", "{% for x in list %}{% for y in list %}{% if y == 1 %}{% break %}{% endif %}{{ x }}{{ y }} {% endfor %}{% endfor %}", "{% break %}", "{% for x in range(3) %}{{ x }}{% endfor %}{{ x is defined }}{{ loop is defined }}",
    "{% set x = 1 %}{{ x }}", "{% set x = 1, 2 %}{{ x }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a, b = list %}", "{% set x %}a{{ n }}b{% endset %}[{{ x }}]", "{% set x | upper | trim %} ab {% endset %}[{{ x }}]", "{% set x | replace('a', n) %}aba{% endset %}{{ x }}", "{% set x = 1 %}{% for y in list %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}",
    "{% set x = 1 %}{% if yes %}{% set x = 2 %}{% endif %}{{ x }}", "{% for y in list %}{% set z = y %}{% endfor %}{{ z is defined }}", "{% set ns = namespace(x=0) %}{% for y in list %}{% set ns.x = ns.x + y %}{% endfor %}{{ ns.x }}", "{% set ns = namespace() %}{% set ns.a = 1 %}{% set ns.b = ns.a %}{{ ns.b }}{{ ns.c is defined }}",
    "{% set ns.x = 1 %}", "{% set n.x = 1 %}", "{% set ns = namespace() %}{% set ns._x = 1 %}", "{% set ns = namespace(l=[]) %}{% set ns.l = ns.l + [1] %}{{ ns.l }}", "{% set ns = namespace() %}{% set ns.x %}abc{% endset %}{{ ns.x }}", "{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a }}{{ ns.b }}",
    "{% macro m(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(b=4, a=5) }}", "{% macro m(a) %}[{{ a }}]{% endmacro %}{{ m() }}", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(z=2) }}", "{% macro m(a, b=a) %}{{ b }}{% endmacro %}{{ m(3) }}", "{% macro m() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}",
    "{% macro m(x) %}{% if x > 0 %}{{ x }}{{ m(x - 1) }}{% endif %}{% endmacro %}{{ m(3) }}", "{% macro m() %}{% set y = 1 %}{{ y }}{% endmacro %}{{ m() }}{{ y is defined }}", "{% macro m() %} a {% endmacro %}{{ m()|trim }}|{{ m() ~ 'x' }}", "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}", "{% for x in list %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}",
    "{% macro m(a, b) %}{{ b is defined }}{{ a is string }}{% endmacro %}{{ m('x') }}", "{% macro m(a, b=1, c) %}{% endmacro %}", "{{ m(1) }}{% macro m(x) %}{% endmacro %}", "{% filter upper %}ab{{ text }}{% endfilter %}", "{% filter replace('a', 'b')|upper %}aab{% endfilter %}", "{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a is defined }}", "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q is defined }}",
    "{% set x = 1 %}{% with y = x %}{% set x = 2 %}{{ x }}{{ y }}{% endwith %}{{ x }}", "{% print n %}", "{% generation %}a{{ n }}{% endgeneration %}b", "{% generation %}{% set q = 1 %}{{ q }}{% endgeneration %}{{ q is defined }}", "{% set x %}{% set y = 1 %}{{ y }}{% endset %}{{ x }}{{ y is defined }}", "{% raw %}{{ a }} {% if %}{# x #}{% endraw %}b", "{% raw -%}  a  {%- endraw %}  b", "a{# comment {{ x }} #}b", "{# a\nb #}\nc",
    "{% set g = list|map('string') %}{{ g|list }}{{ g|list }}", "{% set g = list|select %}{{ g is iterable }}{% for x in g %}{{ x }}{% endfor %}{% for x in g %}{{ x }}{% else %}none{% endfor %}", "{% for m in messages %}{{ m.role }}:{{ m.content|trim }};{% endfor %}", "{% for m in messages[1:] %}{{ m['role'] }}{% endfor %}", "{{ messages|selectattr('role', 'equalto', 'user')|map(attribute='content')|join }}",
    "{% for m in messages|reverse %}{{ loop.index }}{{ m.role }}{% endfor %}", "{% for a in list %}{% for b in list if b < a %}{{ a }}{{ b }} {% endfor %}{% endfor %}", "{% set loop_messages = messages %}{% if messages[0].role == 'system' %}{% set loop_messages = messages[1:] %}{% endif %}{{ loop_messages|length }}",
    "{% for x in [1, 2] %}{% set y = y|default(0) + x %}{{ y }}{% endfor %}", "{% if yes and (no or n) %}a{% endif %}", "{% if 1, 2 %}a{% endif %}", "{% for x in dict|dictsort %}{{ x[0] }}{{ x[1] }}{% endfor %}", "{%- set x = [1, 2,\n 3] -%}\n{{ x|length }}", "{% for i in range(2) %}{% for j in range(2) %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}",
    "{% set t = true %}{% set none_text = 'x' %}{{ t }}{{ none_text }}", "{% set x = {'a': 1}['a'] %}{{ x }}", "{{ {'a': {'b': 1}} }}", "{{ '}}' }}{{ \"%}\" }}", "{{ [1, 2] | length }}{{ (1, 2)|length }}",
]
# White space.
for before in ("", "-", "+"):
    for after in ("", "-", "+"):
        T.append(f"a \n  {{%{before} if yes {after}%}} \n  b \n  {{%{before} endif {after}%}}  \n  c")
        T.append(f"a\n\t{{#{before} x {after}#}}\n b")
        if after != "+":
            T.append(f"a \n  {{{{{before} n {after}}}}} \n  b")
        T.append(f"a\n  {{%{before} raw {after if after != '+' else ''}%}}\n  x\n  {{%{before} endraw {after}%}}\n  b")
T += ["  {% if yes %}\n  x\n  {% endif %}\n", "x {% if yes %}\ny{% endif %}\n\n", "{% if yes %}  {% if yes %}a{% endif %}  {% endif %}", "a\r\nb\r{% if yes %}\r\nc{% endif %}\r\n", "{{ n }}\n", "{{ n }}\n\n", "\n", "", " ", "\n\n{% if yes %}\n\n{% endif %}\n\n", "{{- n -}}", "a {{- n -}} b", "\u2003{%- if yes %}x{% endif %}",
      "a\u2003\n\u2003{% if yes %}x{% endif %}", "{% if yes %}\n\n  a{% endif %}", "{%if yes%}a{%endif%}", "{%-if yes-%} a {%-endif-%}", "{% set x = 'a\nb' %}{{ x }}", "{ {", "{", "a{b}c", "{{'{{'}}", "{% if yes -%}\n   \n  a\n{%- endif %}", "x\n  {#- c -#}  \ny", "{#-#}a", "{#+ a +#}\nb", "{{ n }}{# #}{{ n }}", "    {{ n }}"]
# Mistakes.
T += ["{{ }}", "{{ n", "{% if yes %}", "{% if %}{% endif %}", "{% endif %}", "{% for x %}{% endfor %}", "{% for x in list %}", "{{ n n }}", "{{ 'a }}", "{{ (1 }}", "{{ 1) }}", "{{ [1 }}", "{# a", "{% raw %}", "{% nothing %}", "{% set 1 = 2 %}", "{% set x %}", "{% macro %}{% endmacro %}", "{{ a.  }}", "{{ a[] }}", "{{ n | }}", "{{ n is }}", "{{ {1} }}", "{{ ? }}", "{{ n ! }}",
      "{% else %}", "{% elif yes %}", "{% if yes %}{% else %}{% else %}{% endif %}", "{% for loop in list %}{% endfor %}", "{% set none = 1 %}", "{{ f(a=1, 2) }}", "{% for x in list %}{% endif %}", "{{ 1 if }}", "{{ not }}", "{{ n..x }}", "{{ n | 5 }}", "{%", "{{", "{% set a.b.c = 1 %}"]


def main():
    results = []
    for source in dict.fromkeys(T):
        output = render(source, [dict(m) for m in MESSAGES], variables=VARIABLES)
        results.append([source, None if isinstance(output, dict) else output])
    value = {"messages": MESSAGES, "variables": VARIABLES, "templates": results}
    path = pathlib.Path(__file__).parent / "constructs.json"
    path.write_text(json.dumps(value, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    print(len(results), "templates,", sum(r[1] is None for r in results), "of them mistakes")


if __name__ == "__main__":
    main()
