"""Hostile texts from a seed: what the golden numbers of tokenizers are made of."""
import random

ENGLISH = """The quick brown fox doesn't jump over the lazy dog; it's sleeping. In 1905, Einstein published 4 papers -- they're famous!
"Don't panic," said the guide (page 42). I'd've thought we'll see $3.50, 10,000 people, and e-mail@example.com at http://x.org/?q=1&r=2.
def main(argc, argv): return {"key": [1, 2, 3]}  # comment	tab
Once upon a time there was a princess who lived in a castle made of glass. HELLO WORLD ÉCOLE naïve café Straße ΑΒΓ Привет""".split()
SCRIPTS = [(0x41, 0x17F), (0x370, 0x3FF), (0x400, 0x4FF), (0x590, 0x5FF), (0x600, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F), (0x1100, 0x11FF),
           (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x209F), (0x20A0, 0x20CF), (0x2100, 0x214F), (0x2190, 0x21FF), (0x2460, 0x24FF), (0x2500, 0x257F),
           (0x2580, 0x259F), (0x3000, 0x30FF), (0x3100, 0x31FF), (0x3200, 0x33FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFB00, 0xFDFF),
           (0xFE00, 0xFFFD), (0x10000, 0x103FF), (0x10400, 0x1044F), (0x11000, 0x110FF), (0x1D400, 0x1D7FF), (0x1F100, 0x1F2FF), (0x1F300, 0x1FAFF),
           (0x20000, 0x2A6DF), (0x2F800, 0x2FA1F), (0xE0000, 0xE007F)]
MARKS = "\u0300\u0301\u0302\u0303\u0307\u0308\u030a\u0323\u0327\u0328\u0330\u0338\u0345\u0653\u0654\u05b4\u0591\u0941\u093c\u094d\u3099\u309a\u20dd\ufe0f\u1dc0\U0001d165\U0001e94a"
SPACES = " \u00a0\u1680\u2000\u2003\u2009\u200a\u2028\u2029\u202f\u205f\u3000\t\n\r\x0b\x0c\x85"
CONTROLS = "".join(map(chr, range(32))) + "\x7f\x80\x9f\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060\u2066\u2069\ufeff\ufffc\ufffd\ufffe\uffff\ue000"
EMOJI = ["👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "1️⃣", "🧑🏿‍🚀", "☺", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🐈‍⬛"]
ADDED = ["[CLS]", "[SEP]", "[MASK]", "[UNK]", "<s>", "</s>", "<unk>", "<mask>", "<pad>", "<|endoftext|>", "<extra_id_7>", "<new>", "<strip>", "word", "ÉÀ", "<0x0A>",
         "▁", "▁▁", "##s", "Ġ", "</w>"]


def character(rng):
    kind = rng.random()
    if kind < 0.7:
        first, last = rng.choice(SCRIPTS)
        return chr(rng.randint(first, last))
    if kind < 0.8:
        return rng.choice(MARKS)
    code = rng.randint(0, 0x10FFFF) if kind < 0.85 else rng.randint(0, 0x323AF)
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)


def english(rng, words):
    return " ".join(rng.choice(ENGLISH) for _ in range(words))


def text(rng):
    kind = rng.randrange(12)
    if kind == 0:
        return english(rng, rng.randint(1, 25))
    if kind == 1:
        return "".join(character(rng) for _ in range(rng.randint(1, 30)))
    if kind == 2:
        return "".join(rng.choice("aeoucn AEO\u0131İıſẞßﬁΣς가각각") + "".join(rng.choice(MARKS) for _ in range(rng.randrange(4))) for _ in range(rng.randint(1, 15)))
    if kind == 3:
        return "".join(rng.choice(EMOJI) + rng.choice(["", " ", "a", "\u200d", "\ufe0f"]) for _ in range(rng.randint(1, 8)))
    if kind == 4:
        return "".join(rng.choice(["שלום", "مرحبا", "‏", "עִבְרִית", "السَّلَامُ", " ", "abc", "123", "\u202e", "،", "٣٤"]) for _ in range(rng.randint(1, 10)))
    if kind == 5:
        return "".join(rng.choice(CONTROLS) + rng.choice(["", "a", " ", "\u0301", "."]) for _ in range(rng.randint(1, 20)))
    if kind == 6:
        return "".join(rng.choice(SPACES) * rng.choice([1, 1, 2, 5, 17]) + rng.choice(["", "a", "word", ".", "7", "'s"]) for _ in range(rng.randint(1, 10)))
    if kind == 7:
        return "".join(rng.choice(ADDED) + rng.choice(["", " ", "  ", "x", ".", "\n"]) for _ in range(rng.randint(1, 8)))
    if kind == 8:
        return "".join(rng.choice("0123456789٠१²½Ⅷ①,.%-") for _ in range(rng.randint(1, 25))) + rng.choice(["", " ", "km"])
    if kind == 9:
        return rng.choice("aZ. '\n-") * rng.choice([2, 9, 33, 120]) + english(rng, rng.randint(0, 4))
    if kind == 10:
        return "".join(rng.choice(["'s", "'S", "'t", "'ll", "'RE", "'ve", "'ſ", "'", "I", "we", "WE", " ", "  ", "_", "\r\n", "\n\n", "!!", "日本語", "한국어", "ไทย"]) for _ in range(rng.randint(1, 12)))
    return "".join(rng.choice([english(rng, 2), character(rng), rng.choice(EMOJI), rng.choice(SPACES), rng.choice(ADDED)]) for _ in range(rng.randint(2, 10)))


def texts(seed, count):
    rng = random.Random(seed)
    fixed = ["", " ", "  ", "\n", "a", "é", "e\u0301", "\u0301", "▁", "▁a", " a", "a ", "Hello, world!", "[MASK]", " [MASK] ", "a[MASK]b", "\x00", "\ufeffa", "ﬁ\u0301", "\r\n"]
    return fixed + [text(rng) for _ in range(count - len(fixed))]


def broken(seed, count):
    """Byte strings that are not UTF-8."""
    rng = random.Random(seed)
    result = []
    for _ in range(count):
        data = bytearray(text(rng).encode())
        for _ in range(rng.randint(1, 5)):
            at = rng.randint(0, len(data))
            if rng.random() < 0.5 and data:
                del data[min(at, len(data) - 1)]
            else:
                data[at:at] = bytes(rng.choice([0x80, 0xBF, 0xC0, 0xC3, 0xE2, 0xED, 0xA0, 0xF0, 0x9F, 0xF4, 0x90, 0xF5, 0xFF]) for _ in range(rng.randint(1, 3)))
        result.append(bytes(data))
    return result
