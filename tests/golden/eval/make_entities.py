#!/usr/bin/env python3
"""Writes tests/golden/eval/entities.json: tags of words, true and said, and what seqeval (its default mode) says of them.

Run:  .deps/oracles/bin/python tests/golden/eval/make_entities.py     (the environment of scripts/oracles)

Well-formed sequences of each scheme with some tags changed, and tags drawn at random, most of which are ill-formed. "sets": {tags: the names, truth and said: of
each text the positions of its tags, precision, recall, f1 (micro), accuracy, types: {name: [precision, recall, f1, count]}}. BILOU is converted to IOBES for
seqeval, whose default mode knows no L and U.
"""
import json
import os
import random
import warnings

import seqeval
from seqeval.metrics import accuracy_score, classification_report, f1_score, precision_score, recall_score

HERE = os.path.dirname(os.path.abspath(__file__))
rng = random.Random(20261)
warnings.simplefilter("ignore")


def spell(length, places):
    """The places of an entity's words: B, I, E, S by their letters in this scheme; IOB1 is written by its caller."""
    begin, inside, end, single = places
    return [single] if length == 1 else [begin] + [inside] * (length - 2) + [end]


def text(types, places):
    tags = []
    for _ in range(rng.randint(0, 6)):
        if rng.random() < 0.5:
            tags += ["O"] * rng.randint(1, 4)
        else:
            kind = rng.choice(types)
            tags += [place if not kind else f"{place}-{kind}" for place in spell(rng.randint(1, 4), places)]
    return tags or ["O"]


def changed(tags, names, share):
    return [rng.choice(names) if rng.random() < share else tag for tag in tags]


def scored(names, truth, said):
    iobes = lambda texts: [[{"L": "E", "U": "S"}.get(t[0], t[0]) + t[1:] for t in tags] for tags in texts]
    a, b = iobes(truth), iobes(said)
    report = classification_report(a, b, output_dict=True, zero_division=0)
    types = {k: [float(v["precision"]), float(v["recall"]), float(v["f1-score"]), int(v["support"])] for k, v in report.items() if not k.endswith(" avg")}
    number = {name: i for i, name in enumerate(names)}
    return {"tags": names, "truth": [[number[t] for t in tags] for tags in truth], "said": [[number[t] for t in tags] for tags in said],
            "precision": float(precision_score(a, b)), "recall": float(recall_score(a, b)), "f1": float(f1_score(a, b)), "accuracy": float(accuracy_score(a, b)),
            "types": types}


def one(types, places, texts, share):
    letters = sorted(set(places))
    names = ["O"] + [l if not t else f"{l}-{t}" for l in letters for t in types]
    truth = [text(types, places) for _ in range(texts)]
    return scored(names, truth, [changed(tags, names, share) for tags in truth])


def wild(names, texts):
    draw = lambda n: [rng.choice(names) for _ in range(n)]
    sizes = [rng.randint(1, 12) for _ in range(texts)]
    return scored(names, [draw(n) for n in sizes], [draw(n) for n in sizes])


sets = []
for places in ("BIIB", "IIII", "BIES", "BILU"):
    for share in (0.0, 0.1, 0.4):
        sets.append(one(["PER", "LOC", "MISC-x"], places, 60, share))
sets.append(one([""], "BIIB", 40, 0.2))
sets.append(wild(["O", "B-A", "I-A", "B-B", "I-B"], 150))
sets.append(wild(["O", "B-A", "I-A", "E-A", "S-A", "B-B", "I-B", "E-B", "S-B"], 200))
sets.append(wild(["O", "B", "I", "E", "S"], 100))
sets.append(wild(["O", "B-A", "I-A", "B", "I"], 100))
sets.append(scored(["O", "B-A"], [["O", "O"]], [["O", "B-A"]]))
sets.append(scored(["O", "B-A"], [["O", "O"]], [["O", "O"]]))
with open(os.path.join(HERE, "entities.json"), "w") as file:
    json.dump({"versions": {"seqeval": "1.2.2"}, "sets": sets}, file, separators=(",", ":"))
    file.write("\n")
