"""Golden numbers of words that are told apart (is_split_into_words=True) for tests/unit/text.

    .deps/oracles/bin/python tests/golden/tokenizers/make_words.py [../shared]

Writes words.json beside itself. A sample is five of the hostile texts of texts.json.gz as words; of what comes out a 32-bit hash is
kept, eight hexadecimal digits a sample. "bare": ids and word_ids (-1 for None), as the tokenizer is. "spaced": ids, and at the first
token of each word its number, -1 elsewhere; with a blank before every word where a word within a text has one, which
add_prefix_space=True does; of words without special tokens."""
import array
import gzip
import json
import pathlib
import sys
import zlib

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parent
ROOT = HERE / "../../.."
SHARED = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "../shared")
SAMPLES, WORDS = 400, 5


def hash_of(ids, words):
    return f"{zlib.crc32(array.array('i', [*ids, *(-1 if w is None else w for w in words)]).tobytes()):08x}"


def byte_levels(component):
    if isinstance(component, dict):
        if component.get("type") == "ByteLevel":
            yield component
        for value in component.values():
            yield from byte_levels(value)
    elif isinstance(component, list):
        for value in component:
            yield from byte_levels(value)


def begins(word_ids):
    return [word if word is not None and word not in word_ids[:i] else None for i, word in enumerate(word_ids)]


def hashes(tokenizer, samples, of=lambda word_ids: word_ids):
    tokenizer.no_truncation(), tokenizer.no_padding()
    encodings = [tokenizer.encode(words, is_pretokenized=True) for words in samples]
    return "".join(hash_of(e.ids, of(e.word_ids)) for e in encodings)


def golden(tokenizer, samples):
    data = json.loads(tokenizer.to_str())
    special = [t["content"] for t in data["added_tokens"]]
    plain = [[w for w in words if not any(s in w for s in special)] for words in samples]
    ids = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
    result = {"bare": hashes(tokenizer, samples)}
    levels = list(byte_levels(data["pre_tokenizer"]))
    if levels and data["pre_tokenizer"]["type"] == "ByteLevel":
        # Behind a Split the flag would put a blank before each piece of a word.
        levels[0]["add_prefix_space"] = True
        spaced = Tokenizer.from_str(json.dumps(data))
        result["spaced"] = hashes(spaced, plain, begins)
        fast = PreTrainedTokenizerFast(tokenizer_object=spaced)
        for words in plain[:20]:
            said, e = fast(words, is_split_into_words=True), spaced.encode(words, is_pretokenized=True)
            assert (said.input_ids, said.word_ids()) == (e.ids, e.word_ids)
    elif ids("a b") == ids("a") + ids(" b") != ids("a") + ids("b"):
        result["spaced"] = hashes(tokenizer, [[w if w.startswith(" ") or not w else " " + w for w in words] for words in plain], begins)
    else:
        result["spaced"] = hashes(tokenizer, plain, begins)
    return result


def main():
    texts = json.loads(gzip.decompress((HERE / "texts.json.gz").read_bytes()))
    samples = [texts[i * WORDS:(i + 1) * WORDS] for i in range(SAMPLES)]
    result = {"words": WORDS, "small": {}, "shared": {}, "minilm": None}
    for path in sorted((HERE / "small").glob("*.json")):
        result["small"][path.stem] = golden(Tokenizer.from_file(str(path)), samples)
    for name in ("roberta-base", "t5-small"):
        result["shared"][name] = golden(Tokenizer.from_file(str(SHARED / "tokenizers" / name / "tokenizer.json")), samples)
    minilm = ROOT / ".deps/minilm/tokenizer.json"
    if minilm.exists():
        result["minilm"] = golden(Tokenizer.from_file(str(minilm)), samples)
    (HERE / "words.json").write_text(json.dumps(result, indent=1) + "\n")


main()
