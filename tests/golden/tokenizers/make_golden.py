"""Golden numbers of the tokenizers package for tests/unit/text.

    .deps/oracles/bin/python tests/golden/tokenizers/make_golden.py [../shared]

Writes texts.json.gz, small/*.json (tokenizers made for the purpose) and golden.json.gz beside itself. Of most encodings a
32-bit hash is kept (ids, offsets in characters, words; and what decoding gives), of the options in full what comes out.
Of tokenizers under ../shared only hashes are kept."""
import array
import gzip
import itertools
import json
import pathlib
import sys
import zlib

from tokenizers import Tokenizer

import small
from texts import broken, texts

HERE = pathlib.Path(__file__).parent
SHARED = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else HERE / "../../../../shared")

# Every assigned character, in blocks of 4096, through the components that look at properties.
BLOCKS = [*range(0, 0x34000, 0x1000), 0xE0000, 0xF0000, 0x10F000]
BY_CHARACTER = ["normalizer_" + n for n in "nfc nfd nfkc nfkd nmt lowercase strip_accents strip bert bert_plain bert_accents".split()] + [
    "pre_tokenizer_" + n for n in "bert byte_level digits_each unicode_scripts whitespace whitespace_split punctuation_isolated gpt4 clip scripts".split()]


def write_gz(name, value):
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    (HERE / name).write_bytes(gzip.compress(data, 9, mtime=0))


def encode_hash(e, value=0):
    flat = array.array("i", e.ids)
    flat.extend(itertools.chain.from_iterable(e.offsets))
    flat.extend(-1 if w is None else w for w in e.word_ids)
    return zlib.crc32(flat.tobytes(), value)


def tokenizer_hashes(t, all_texts):
    t.no_padding(), t.no_truncation()
    encoded, decoded, tokens = [], [], 0
    for e in t.encode_batch(all_texts):
        encoded.append(encode_hash(e))
        tokens = zlib.crc32("\0".join(e.tokens).encode(), tokens)
        both = t.decode(e.ids, skip_special_tokens=True) + "\0" + t.decode(e.ids, skip_special_tokens=False)
        decoded.append(zlib.crc32(both.encode()))
    pack = lambda values: "".join(f"{v:08x}" for v in values)
    return {"encoded": pack(encoded), "decoded": pack(decoded), "tokens": tokens}


def full(e):
    return {"ids": e.ids, "type_ids": e.type_ids, "tokens": e.tokens, "offsets": e.offsets, "special": e.special_tokens_mask, "attention": e.attention_mask,
            "words": [-1 if w is None else w for w in e.word_ids], "sequences": [-1 if s is None else s for s in e.sequence_ids], "overflow": [full(o) for o in e.overflowing]}


def option_cases(name, t):
    """Truncation and padding in all their forms, one text and two."""
    first, second = "The quick brown fox doesn't jump over the lazy dog", "Hello, world! It's me."
    cases = []
    for pair in (False, True):
        for special in (True, False):
            for truncation in (None, dict(max_length=8, stride=0), dict(max_length=7, stride=2, strategy="longest_first", direction="left"),
                               dict(max_length=9, stride=1, strategy="only_first"), dict(max_length=20, stride=2, strategy="only_second"), dict(max_length=21, stride=3)):
                for padding in (None, dict(length=40), dict(direction="left", pad_id=1, pad_type_id=3, pad_token="P", pad_to_multiple_of=16)):
                    if padding and truncation and truncation["stride"] == 1:
                        continue
                    t.no_truncation(), t.no_padding()
                    if truncation:
                        t.enable_truncation(**truncation)
                    if padding:
                        t.enable_padding(**padding)
                    try:
                        e = full(t.encode(first, second if pair else None, add_special_tokens=special))
                    except BaseException:
                        e = None  # an error
                    cases.append({"pair": pair, "special": special, "truncation": truncation, "padding": padding, "result": e})
    t.no_truncation(), t.no_padding()
    return {"tokenizer": name, "first": first, "second": second, "cases": cases}


def llama2():
    """tokenizer.model as tokenizer.json: merges are all ways to cut a piece in two, in the order of scores."""
    import sentencepiece
    sp = sentencepiece.SentencePieceProcessor(str(SHARED / "tokenizers/llama2/tokenizer.model"))
    vocab = {sp.id_to_piece(i): i for i in range(sp.get_piece_size())}
    merges = []
    for piece, i in vocab.items():
        cuts = [(piece[:k], piece[k:]) for k in range(1, len(piece)) if piece[:k] in vocab and piece[k:] in vocab]
        merges += [(sp.get_score(i), i, a, b) for a, b in cuts]
    merges.sort(key=lambda m: (-m[0], m[1]))
    data = json.loads(small.llama("normalizer").to_str())
    data["model"] |= {"vocab": vocab, "merges": [[a, b] for _, _, a, b in merges]}
    for token, i in zip(data["added_tokens"], (0, 1, 2)):
        token |= {"id": i, "content": sp.id_to_piece(i), "normalized": False}
    return Tokenizer.from_str(json.dumps(data))


def reference_ids(all_texts):
    """What sentencepiece and tiktoken make of texts, without special tokens."""
    import sentencepiece
    import tiktoken
    from tiktoken.load import load_tiktoken_bpe
    encoders = {}
    for path in ("tokenizers/llama2/tokenizer.model", "tokenizers/t5-small/spiece.model", "weights/babyllama-tok105/tok105.model"):
        encoders[path] = sentencepiece.SentencePieceProcessor(str(SHARED / path)).encode
    for path in small.sentencepiece_models(HERE / "small"):
        encoders[f"small/{path.name}"] = sentencepiece.SentencePieceProcessor(str(path)).encode
    ranks = load_tiktoken_bpe(str(SHARED / "tokenizers/llama3/tokenizer.model"))
    encoders["tokenizers/llama3/tokenizer.model"] = tiktoken.Encoding("llama3", pat_str=small.GPT4, mergeable_ranks=ranks, special_tokens={}).encode_ordinary
    return {path: "".join(f"{zlib.crc32(array.array('i', encode(t)).tobytes()):08x}" for t in all_texts) for path, encode in encoders.items()}


def main():
    all_texts = texts(1, 5000)
    write_gz("texts.json.gz", all_texts)
    golden = {"seed": 1, "small": {}, "shared": {}, "components": {}, "blocks": {}, "options": [], "broken": []}
    (HERE / "small").mkdir(exist_ok=True)
    for name, t in small.all_small().items():
        (HERE / f"small/{name}.json").write_text(json.dumps(json.loads(t.to_str()), ensure_ascii=False, separators=(",", ":")))
        golden["small"][name] = tokenizer_hashes(t, all_texts)
        if name in ("word_piece", "word_piece_cased", "roberta", "gpt4", "llama", "byte_level", "word_level"):
            golden["options"].append(option_cases(name, t))
    for name, path in {"roberta-base": "roberta-base/tokenizer.json", "t5-small": "t5-small/tokenizer.json"}.items():
        golden["shared"][path] = tokenizer_hashes(Tokenizer.from_file(str(SHARED / "tokenizers" / path)), all_texts)
    golden["shared"]["llama2/tokenizer.model"] = tokenizer_hashes(llama2(), all_texts)
    golden["reference"] = reference_ids(all_texts)
    model = small.byte_model()
    normal, pre = small.component_cases()
    some_texts = all_texts[:1500]
    codes = [chr(c) if not 0xD800 <= c <= 0xDFFF else "?" for c in range(0x110000)]
    for name, component in (normal | pre).items():
        kind = "normalizer" if name in normal else "pre_tokenizer"
        t = Tokenizer.from_str(json.dumps({"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None,
                                           "post_processor": None, "decoder": None, "model": model, kind: component}))
        hashes = "".join(f"{encode_hash(e):08x}" for e in t.encode_batch(some_texts))
        golden["components"][name] = {"kind": kind, "component": component, "encoded": hashes}
        if name not in BY_CHARACTER:
            continue
        blocks = []
        for first in BLOCKS:
            value = 0
            for e in t.encode_batch(["".join("a" + c + "\u0301" + c + "b" for c in codes[i:i + 64]) for i in range(first, first + 0x1000, 64)]):
                value = encode_hash(e, value)
            blocks.append(value)
        golden["blocks"][name] = "".join(f"{v:08x}" for v in blocks)
    for data in broken(2, 400):
        golden["broken"].append([data.hex(), data.decode(errors="replace")])
    golden["model"] = model
    write_gz("golden.json.gz", golden)


main()
