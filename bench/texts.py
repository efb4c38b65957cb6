"""The text data sets of ../shared that benches train on, as files of records {"text", "label"} that both sides of a comparison read. Standard library only."""
import json
import os
import random

from rows import ROOT, SHARED

MINILM = os.path.join(ROOT, ".deps/minilm")  # all-MiniLM-L6-v2, made by scripts/minilm


def trec(name):
    """Questions and their 6 coarse types; latin-1."""
    with open(os.path.join(SHARED, "data/trec", name), encoding="latin-1") as f:
        for line in f.read().rstrip("\n").split("\n"):
            kind, text = line.split(" ", 1)
            yield {"text": text, "label": kind.split(":")[0]}


def sst2(name):
    """Sentences of film reviews, 0 (negative) or 1 (positive)."""
    with open(os.path.join(SHARED, "data/sst2", name)) as f:
        for line in f.read().rstrip("\n").split("\n"):
            text, label = line.split("\t")
            yield {"text": text, "label": "positive" if label == "1" else "negative"}


def held_out(records, share=0.15):
    """(what is left, a random part): to choose by, where a data set has no part for that; the same whenever it is drawn."""
    order = random.Random(0).sample(range(len(records)), len(records))
    taken = set(order[:round(share * len(records))])
    return [r for i, r in enumerate(records) if i not in taken], [r for i, r in enumerate(records) if i in taken]


def write(path, records):
    with open(path + ".part", "w") as f:
        f.writelines(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
    os.replace(path + ".part", path)


def files(task, folder):
    """{train, test, to_tune_train, to_tune_test}: paths below `folder`. What is tuned never sees the test part: TREC's training part gives 15 % for it, SST-2 has one of its own."""
    names = ("train", "test", "to_tune_train", "to_tune_test")
    paths = {name: os.path.join(folder, f"{task}_{name}.jsonl") for name in names}
    if not all(os.path.exists(path) for path in paths.values()):
        os.makedirs(folder, exist_ok=True)
        if task == "trec":
            train, test = list(trec("TREC.train")), list(trec("TREC.test"))
            parts = (train, test, *held_out(train))
        else:
            train = list(sst2("train.tsv"))
            parts = (train, list(sst2("test.tsv")), train, list(sst2("dev.tsv")))
        for name, records in zip(names, parts):
            write(paths[name], records)
    return paths
