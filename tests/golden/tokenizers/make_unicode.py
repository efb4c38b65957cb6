"""Writes graft/text/unicode/newer_tables.inc: what the tokenizers package knows of Unicode beyond ICU 72 and
Oniguruma 6.9.8, asked of the package itself, one code point at a time.

    .deps/oracles/bin/python tests/golden/tokenizers/make_unicode.py OLD.json > graft/text/unicode/newer_tables.inc

OLD.json comes from tests/golden/tokenizers/old_unicode.cpp: the code points
that the two libraries call unassigned, as ranges {"icu": [[first, last], ...], "onig": [...]}."""
import json
import sys

from tokenizers import Regex, normalizers, pre_tokenizers

CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Cf".split()
# An older character of each category with 2, 3 and 4 bytes of UTF-8; letters of Han and Kana stay in their script.
STAND_INS = {
    "Lu": "\u0100\u1e00\U00010400", "Ll": "\u0101\u1e01\U00010428", "Lm": "\u02b0\u1d2c\U00016b40", "Lo": "\u05d0\u0905\U00010000",
    "Mn": "\u0300\u0941\U00010a01", "Mc": "\u0000\u0903\U00011000", "Nd": "\u0660\u0966\U000104a0", "No": "\u00b2\u2070\U00010107",
    "Nl": "\u0000\u2160\U00010140", "Pd": "\u058a\u2010\U00010ead", "Po": "\u00a7\u2020\U00010100", "Sm": "\u00ac\u2200\U0001d6c1",
    "So": "\u00a6\u2100\U00010137", "Cf": "\u00ad\u200b\U000110bd", "Sc": "\u00a2\u20a0\U0001e2ff", "Sk": "\u00a8\u1fbd\U0001f3fb",
    "Han": "\u0000\u4e00\U00020000", "Hiragana": "\u0000\u3041\U0001b001", "Katakana": "\u0000\u30a1\U0001b000"}
SCRIPTS = ("Han", "Hiragana", "Katakana")


def expand(ranges):
    return [c for first, last in ranges for c in range(first, last + 1) if not 0xD800 <= c <= 0xDFFF]


def ranges(codes):
    result = []
    for code in codes:
        if result and result[-1][1] == code - 1:
            result[-1][1] = code
        else:
            result.append([code, code])
    return result


def table(name, codes):
    rows = ", ".join(f"{{0x{first:x}, 0x{last:x}}}" for first, last in ranges(codes))
    print(f"constexpr Range {name}[] = {{{rows}}};")


def main():
    old = json.load(open(sys.argv[1]))
    icu, onig = expand(old["icu"]), expand(old["onig"])
    print("// Made by tests/golden/tokenizers/make_unicode.py; do not edit.")
    words = pre_tokenizers.Whitespace()
    table("kWords", [c for c in icu if len(words.pre_tokenize_str("a" + chr(c) + "a")) == 1])
    digits = pre_tokenizers.Digits(individual_digits=True)
    table("kNumbers", [c for c in icu if len(digits.pre_tokenize_str("a" + chr(c) + "a")) == 3])
    lower = normalizers.Lowercase()
    pairs = [(c, ord(lower.normalize_str(chr(c)))) for c in icu if lower.normalize_str(chr(c)) != chr(c)]
    print("constexpr Pair kLower[] = {" + ", ".join(f"{{0x{a:x}, 0x{b:x}}}" for a, b in pairs) + "};")
    rows = []
    scripts = {name: pre_tokenizers.Split(Regex(r"\p{%s}" % name), "removed") for name in SCRIPTS}
    for category in CATEGORIES:
        split = pre_tokenizers.Split(Regex(r"\p{%s}" % category), "removed")
        by_kind = {}
        for c in onig:
            if split.pre_tokenize_str(chr(c)):
                continue
            script = next((name for name in SCRIPTS if category == "Lo" and not scripts[name].pre_tokenize_str(chr(c))), None)
            by_kind.setdefault(script or category, []).append(c)
        for kind, codes in by_kind.items():
            for first, last in ranges(codes):
                stand_in = ord(STAND_INS[kind][len(chr(first).encode()) - 2])
                assert stand_in and len(chr(stand_in).encode()) == len(chr(first).encode()) == len(chr(last).encode())
                rows.append((first, last, stand_in))
    rows.append((0x1171E, 0x1171E, ord(STAND_INS["Mc"][2])))  # Mn in Unicode 14, Mc since
    print("constexpr StandIn kStandIns[] = {" + ", ".join(f"{{0x{a:x}, 0x{b:x}, 0x{c:x}}}" for a, b, c in sorted(rows)) + "};")


main()
