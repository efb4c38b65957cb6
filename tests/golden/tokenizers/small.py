"""Small tokenizers with varied components, trained or put together for the golden numbers."""
import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from texts import ENGLISH, texts

GPT4 = r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
CLIP = r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""


def corpus():
    return [" ".join(ENGLISH)] * 20 + texts(7, 400)


def train(tokenizer, trainer, lines=None):
    tokenizer.train_from_iterator(lines or corpus(), trainer)
    return tokenizer


def added():
    return [AddedToken("<new>", normalized=True), AddedToken("<strip>", lstrip=True, rstrip=True, normalized=False),
            AddedToken("word", single_word=True), AddedToken("ÉÀ", normalized=True), AddedToken("<extra_id_7>", special=True, normalized=False)]


def word_piece():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    train(t, trainers.WordPieceTrainer(vocab_size=500, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
                                                     special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    t.add_tokens(added())
    return t


def word_piece_cased():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=12))
    t.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)])
    t.decoder = decoders.WordPiece(cleanup=False)
    train(t, trainers.WordPieceTrainer(vocab_size=400, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"], show_progress=False))
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return t


def byte_level(prefix=True, trim=True):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    t.decoder = decoders.ByteLevel()
    train(t, trainers.BpeTrainer(vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<s>", "</s>", "<pad>"], show_progress=False))
    t.post_processor = processors.ByteLevel(trim_offsets=trim, add_prefix_space=prefix)
    t.add_tokens(added())
    return t


def roberta():
    t = byte_level(prefix=False)
    t.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    t.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    return t


def gpt4():
    t = Tokenizer(models.BPE(ignore_merges=True))
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(GPT4), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    train(t, trainers.BpeTrainer(vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|endoftext|>"], show_progress=False))
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False),
                                            processors.TemplateProcessing(single="<|endoftext|> $A", pair="<|endoftext|> $A <|endoftext|>:1 $B:1", special_tokens=[("<|endoftext|>", 0)])])
    return t


def clip():
    t = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(CLIP), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    t.decoder = decoders.BPEDecoder(suffix="</w>")
    train(t, trainers.BpeTrainer(vocab_size=700, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), end_of_word_suffix="</w>", special_tokens=["<unk>"], show_progress=False))
    return t


def prefixed_bpe(fuse):
    t = Tokenizer(models.BPE(unk_token="<unk>", continuing_subword_prefix="##", fuse_unk=fuse))
    t.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(), normalizers.Strip()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("contiguous")])
    t.decoder = decoders.WordPiece()
    trainer = trainers.BpeTrainer(vocab_size=300, continuing_subword_prefix="##", limit_alphabet=60, special_tokens=["<unk>"], show_progress=False)
    return train(t, trainer)


def llama(scheme):
    """byte-fallback BPE, the older form without and the newer one with a pre-tokenizer."""
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    specials = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    train(t, trainers.BpeTrainer(vocab_size=700, limit_alphabet=80, special_tokens=specials, show_progress=False))
    data = json.loads(t.to_str())
    data["added_tokens"] = [x for x in data["added_tokens"] if x["id"] < 3]
    t = Tokenizer.from_str(json.dumps(data))
    if scheme == "normalizer":
        t.pre_tokenizer = None
        t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    return t


def unigram(fallback):
    t = Tokenizer(models.Unigram())
    if fallback:
        t.normalizer = normalizers.NFKC()
        t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.UnicodeScripts(), pre_tokenizers.Digits()])
    else:
        t.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
        t.pre_tokenizer = pre_tokenizers.Metaspace()
        t.decoder = decoders.Metaspace()
    train(t, trainers.UnigramTrainer(vocab_size=260, unk_token="<unk>", special_tokens=["<unk>", "<s>", "</s>"], show_progress=False), [" ".join(ENGLISH[i:] + ENGLISH[:i]) for i in range(0, 60, 3)])
    data = json.loads(t.to_str())
    if fallback:
        data["model"]["vocab"] += [[f"<0x{i:02X}>", -20.0] for i in range(256)]
        data["model"]["byte_fallback"] = True
    return Tokenizer.from_str(json.dumps(data))


def word_level():
    t = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    t.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Whitespace()
    return train(t, trainers.WordLevelTrainer(vocab_size=300, special_tokens=["[UNK]", "[PAD]"], show_progress=False))


RULES = "FB01\t66 69\nE9\t65 301\n41 301\tE1\n3000\t20\nA0\t20\n9\t20\n200B\t\n2460\t31\n"


def sentencepiece_models(folder):
    """Trained with rules of their own, because the usual ones alone have 200 kB."""
    import sentencepiece
    rules = folder / "rules.tsv"
    rules.write_text(RULES)
    lines = [" ".join(ENGLISH[i:] + ENGLISH[:i]) for i in range(0, 60, 3)]
    common = dict(normalization_rule_tsv=str(rules), user_defined_symbols=["<new>", "word"], minloglevel=2, hard_vocab_limit=False)
    cases = {"sp_bpe": dict(model_type="bpe", vocab_size=520, byte_fallback=True, remove_extra_whitespaces=False),
             "sp_bpe_squeezed": dict(model_type="bpe", vocab_size=220, add_dummy_prefix=False),
             "sp_unigram": dict(model_type="unigram", vocab_size=240),
             "sp_unigram_suffix": dict(model_type="unigram", vocab_size=500, byte_fallback=True, treat_whitespace_as_suffix=True)}
    for name, options in cases.items():
        with open(folder / f"{name}.model", "wb") as file:
            sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=file, **common, **options)
    rules.unlink()
    return [folder / f"{name}.model" for name in cases]


def all_small():
    return {"word_piece": word_piece(), "word_piece_cased": word_piece_cased(), "byte_level": byte_level(), "byte_level_untrimmed": byte_level(False, False),
            "roberta": roberta(), "gpt4": gpt4(), "clip": clip(), "prefixed_bpe": prefixed_bpe(False), "prefixed_bpe_fused": prefixed_bpe(True),
            "llama": llama("normalizer"), "llama_first": llama("first"), "llama_never": llama("never"), "unigram": unigram(False), "unigram_bytes": unigram(True),
            "word_level": word_level()}


def component_cases():
    """Components one at a time, around a model whose tokens are the bytes of what it is given."""
    n, p = normalizers, pre_tokenizers
    cases = {"nfc": n.NFC(), "nfd": n.NFD(), "nfkc": n.NFKC(), "nfkd": n.NFKD(), "nmt": n.Nmt(), "lowercase": n.Lowercase(), "strip_accents": n.StripAccents(),
             "strip": n.Strip(), "strip_left": n.Strip(True, False), "strip_right": n.Strip(False, True), "bert": n.BertNormalizer(),
             "bert_plain": n.BertNormalizer(False, False, False, False), "bert_accents": n.BertNormalizer(True, False, True, False),
             "prepend": n.Prepend("▁x"), "replace": n.Replace("a", "bcé"), "replace_regex": n.Replace(Regex(r"\p{L}{2}"), "é"), "replace_away": n.Replace(Regex(r"[\p{P}\s]"), ""),
             "byte_level": n.ByteLevel(), "sequence": n.Sequence([n.NFKD(), n.Lowercase(), n.Replace("e", "ée"), n.NFC(), n.Strip(), n.Prepend("▁")])}
    normal = {"normalizer_" + name: json.loads(component.__getstate__()) for name, component in cases.items()}
    cases = {"bert": p.BertPreTokenizer(), "byte_level": p.ByteLevel(), "byte_level_plain": p.ByteLevel(False, use_regex=False), "digits": p.Digits(), "digits_each": p.Digits(True),
             "delimiter": p.CharDelimiterSplit("a"), "fixed_length": p.FixedLength(3), "metaspace": p.Metaspace(), "metaspace_first": p.Metaspace("_", "first"),
             "metaspace_never": p.Metaspace(prepend_scheme="never"), "metaspace_whole": p.Metaspace(split=False), "unicode_scripts": p.UnicodeScripts(),
             "whitespace": p.Whitespace(), "whitespace_split": p.WhitespaceSplit(), "gpt4": p.Split(Regex(GPT4), "isolated"), "clip": p.Split(Regex(CLIP), "removed", True),
             "scripts": p.Split(Regex(r"\p{Han}+|\p{Hiragana}|[\p{Lu}\p{Lt}]|\p{M}|\p{Nd}|\p{S}"), "isolated"), "empty_matches": p.Split(Regex(r"a*|\b"), "isolated"),
             "sequence": p.Sequence([p.Split(Regex(r"\s+"), "merged_with_previous"), p.Punctuation(), p.Metaspace(prepend_scheme="first"), p.ByteLevel(True)])}
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        cases["punctuation_" + behavior] = p.Punctuation(behavior)
        cases["split_" + behavior] = p.Split(Regex(r"[aeiou ]"), behavior)
        cases["split_inverted_" + behavior] = p.Split(" ", behavior, True)
    return normal, {"pre_tokenizer_" + name: json.loads(component.__getstate__()) for name, component in cases.items()}


def byte_model():
    vocab = {"<unk>": 0, **{f"<0x{i:02X}>": i + 1 for i in range(256)}}
    return {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False,
            "byte_fallback": True, "ignore_merges": False, "vocab": vocab, "merges": []}
