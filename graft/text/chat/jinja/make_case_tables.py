"""Writes case_tables.cpp: the simple case mappings of Python's unicodedata as ranges."""
import sys, unicodedata
def ranges(f):
    out = []
    for c in range(0x80, 0x110000):
        if 0xD800 <= c < 0xE000: continue
        m = f(chr(c))
        if len(m) != 1 or m == chr(c): continue
        d = ord(m) - c
        if out and out[-1][3] == d:
            first, last, step, _ = out[-1]
            gap = c - last
            if (first == last and gap <= 2) or gap == step:
                out[-1] = (first, c, gap, d); continue
        out.append((c, c, 1, d))
    return out
def table(name, rs):
    lines = []; cur = "   "
    for r in rs:
        item = " {0x%X, 0x%X, %d, %d}," % r
        if len(cur) + len(item) > 98: lines.append(cur); cur = "   "
        cur += item
    lines.append(cur)
    return "namespace {\nconstexpr CaseRange %s[] = {\n%s\n};\n}  // namespace\n" % (name, "\n".join(lines))
print('// Made by graft/text/chat/jinja/make_case_tables.py from Unicode %s.' % unicodedata.unidata_version)
print('#include "graft/text/chat/jinja/case_tables.h"\n\nnamespace graft::texts::jinja {\n')
print(table("kUpper", ranges(str.upper)))
print(table("kLower", ranges(str.lower)))
print("std::span<const CaseRange> upper_ranges() { return kUpper; }\nstd::span<const CaseRange> lower_ranges() { return kLower; }\n")
print("}  // namespace graft::texts::jinja")
