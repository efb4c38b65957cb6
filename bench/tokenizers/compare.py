"""Throughput of graft and of Hugging Face tokenizers on 10 MB of English in which no line occurs twice, with one thread and with all.

    cmake --preset release -DGRAFT_BENCH=ON && cmake --build build/release --target encode_texts
    .deps/oracles/bin/python bench/tokenizers/compare.py build/release/bench/encode_texts ../shared [rounds]

Both sides read the same tokenizer.json and alternate in one run, thread counts too. "ids" compares graft's ids_only with
encode_batch_fast, the fastest that the package offers; "all" compares everything (offsets, tokens, words) with encode_batch. The
ids must be equal. The ratio is graft's throughput over theirs: the median over rounds, and the lowest and the highest; "scaling"
is a side's throughput with all threads over that with one. Prints the table of docs/evidence.md."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

CORES = len(os.sched_getaffinity(0))
os.environ["RAYON_NUM_THREADS"] = str(CORES)  # read once; whether threads are used at all is read at every call
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers  # noqa: E402

MEGABYTES = 10
DOCUMENT = 2000  # bytes


def lines(folder):
    """Every line of text once, from the data sets that are there."""
    seen = set()
    for path in sorted(folder.glob("*/*")):
        if path.suffix not in (".txt", ".csv", ".tsv", ".json", ".jsonl", ".train", ".test") or path.parent.name.startswith("rasbt"):
            continue
        if path.name.lower().startswith(("license", "readme")):
            continue
        for line in path.read_text(errors="replace").splitlines():
            line = line.strip()
            if line.startswith("{") and line.endswith("}"):
                try:
                    line = " ".join(str(v) for v in json.loads(line).values())
                except ValueError:
                    pass
            if len(line) > 20 and line not in seen:
                seen.add(line)
                yield line


def documents(folder):
    result, current, total = [], [], 0
    for line in lines(folder):
        current.append(line)
        total += len(line.encode()) + 1
        if sum(map(len, current)) >= DOCUMENT:
            result.append("\n".join(current))
            current = []
        if total >= MEGABYTES * 1_000_000:
            break
    return result


def tokenizers(shared):
    t = Tokenizer(models.WordPiece.from_file(str(shared / "bert-base-uncased/vocab.txt"), unk_token="[UNK]"))
    t.normalizer, t.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    yield "bert", t
    t = Tokenizer(models.BPE.from_file(str(shared / "gpt2/vocab.json"), str(shared / "gpt2/merges.txt")))
    t.pre_tokenizer, t.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    yield "gpt2", t
    # The tokenizer.json beside it is damaged: the merges follow from the pieces, as transformers derives them.
    import sentencepiece
    sp = sentencepiece.SentencePieceProcessor(str(shared / "llama2/tokenizer.model"))
    vocab = {sp.id_to_piece(i): i for i in range(sp.get_piece_size())}
    merges = sorted((-sp.get_score(i), i, p[:k], p[k:]) for p, i in vocab.items() for k in range(1, len(p)) if p[:k] in vocab and p[k:] in vocab)
    t = Tokenizer(models.BPE(vocab, [(a, b) for _, _, a, b in merges], unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    yield "llama2", t


def checksum(encodings):
    total = 0
    for encoding in encodings:
        for i in encoding.ids:
            total = (total * 31 + i) % 1_000_000_007
    return total


def theirs_seconds(encode, texts, threads):
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
    start = time.perf_counter()
    encodings = encode(texts, add_special_tokens=False)
    return time.perf_counter() - start, encodings


class Ours:
    """The program beside, which keeps a tokenizer and the texts."""

    def __init__(self, program, tokenizer, texts):
        self.process = subprocess.Popen([program, tokenizer, texts], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def encode(self, mode, threads):
        self.process.stdin.write(f"{mode} {threads}\n")
        self.process.stdin.flush()
        seconds, tokens, total = self.process.stdout.readline().split()
        return float(seconds), int(tokens), int(total)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(ours, mode, encode, texts, rounds):
    """For each number of threads the pairs (ours, theirs) of seconds; and the tokens."""
    times = {threads: [] for threads in sorted({1, CORES})}
    for number in range(rounds + 1):
        for threads, pairs in times.items():
            own, tokens, total = ours.encode(mode, threads)
            other, encodings = theirs_seconds(encode, texts, threads)
            if number > 0:  # the first round warms both up
                pairs.append((own, other))
            elif checksum(encodings) != total:
                sys.exit("the ids differ")
            del encodings
    return times, tokens


def main():
    program, shared = sys.argv[1], pathlib.Path(sys.argv[2])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    texts = documents(shared / "data")
    size = sum(len(t.encode()) for t in texts) / 1e6
    print(f"{size:.2f} MB in {len(texts):,} texts, {rounds} rounds\n")
    print("| file | | threads | graft MB/s | tokenizers MB/s | ratio (lowest to highest) | scaling, graft | scaling, tokenizers |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        texts_file = pathlib.Path(folder) / "texts.json"
        texts_file.write_text(json.dumps(texts))
        for name, theirs in tokenizers(shared / "tokenizers"):
            path = pathlib.Path(folder) / f"{name}.json"
            theirs.save(str(path))
            ours = Ours(program, str(path), str(texts_file))
            for mode, encode in (("ids", theirs.encode_batch_fast), ("all", theirs.encode_batch)):
                times, tokens = measure(ours, mode, encode, texts, rounds)
                single = [statistics.median(pair[side] for pair in times[1]) for side in (0, 1)]
                for threads, pairs in times.items():
                    seconds = [statistics.median(pair[side] for pair in pairs) for side in (0, 1)]
                    ratios = [other / own for own, other in pairs]
                    scaling = [f"{single[side] / seconds[side]:.2f}" if threads > 1 else "" for side in (0, 1)]
                    print(f"| {name} | {mode} | {threads} | {size / seconds[0]:.1f} | {size / seconds[1]:.1f} | {statistics.median(ratios):.2f} "
                          f"({min(ratios):.2f} to {max(ratios):.2f}) | {scaling[0]} | {scaling[1]} |", flush=True)
                print(f"  {name}, {mode}: {tokens:,} equal ids", file=sys.stderr, flush=True)
            ours.close()


main()
