#!/usr/bin/env python3
"""A class is added to a trained detector; prints the table of docs/evidence.md, "A new class".

  detect_new_class.py [--minutes N] [--graft build/release/graft] [--results bench/results/detect_new_class.jsonl] [--folds 0,1,2,3,4] [--ways "naive;distilled"] [--threads 2] [--tables]

YOLO-Fastest 1.1 on bccd. Of each fold a fifth of the pictures is the test part; of the others one half shows red and white blood cells (RBC, WBC), which are learned first, and in the other
half only Platelets are marked, which are learned then, in the ways of WAYS. On the test part all classes are marked. Standard library only.
"""
import csv
import glob
import json
import os
import random
import sys
import tempfile
import xml.etree.ElementTree as xml

import graft_run
import options
from intervals import percent, points
from rows import ROOT, SHARED, Clock, Rows

MODEL = os.path.join(ROOT, "examples/models/yolo_fastest_1.1")
DATA = os.path.join(SHARED, "data/bccd")
OLD, NEW = ("RBC", "WBC"), ("Platelets",)
WAYS = {"naive": ["train.distill=false"], "distilled": ["train.distill=true"], "replay of 20": ["train.distill=false", "replay=20"], "distilled, replay of 20": ["train.distill=true", "replay=20"],
        "distilled, head only": ["train.distill=true", "strategy=head"]}
COMMON = ["plan=off", "method=none", "metric=AP50", "precision=float32", "augment=none", "train.batch=16", "train.workers=2", "train.batch_norm=frozen", "train.schedule=cosine",
          "train.keep=last", "train.lr=2e-3", "train.head_lr=4e-3"]
PASSES = 8


def pictures():
    """{file: [(class, box)]}, in a fixed order."""
    found = {}
    for name in sorted(glob.glob(os.path.join(DATA, "Annotations/*.xml"))):
        tree = xml.parse(name)
        boxes = []
        for one in tree.iter("object"):
            side = lambda key: int(float(one.find("bndbox").find(key).text))
            boxes.append((one.find("name").text, side("xmin") - 1, side("ymin") - 1, side("xmax"), side("ymax")))
        found[os.path.splitext(os.path.basename(name))[0] + ".jpg"] = boxes
    return found


def write(path, parts, marked):
    """A table of boxes: {split: files}, of which only some classes are marked."""
    all_boxes = pictures()
    with open(path, "w", newline="") as f:
        rows = csv.writer(f)
        rows.writerow(["image", "xmin", "ymin", "xmax", "ymax", "label", "split"])
        for split, files in parts.items():
            for file in files:
                here = [b for b in all_boxes[file] if b[0] in marked and b[3] > b[1] and b[4] > b[2]]
                for name, *box in here:
                    rows.writerow([file, *box, name, split])
                if not here:
                    rows.writerow([file, "", "", "", "", "", split])
    return {"path": path, "format": "csv-boxes", "columns": {"root": os.path.join(DATA, "JPEGImages")}}


def division(fold):
    files = list(pictures())
    random.Random(0).shuffle(files)
    test = files[fold::5]
    rest = [f for f in files if f not in set(test)]
    return {"first": rest[::2], "second": rest[1::2], "test": test}


class Bench:
    def __init__(self, args):
        self.args, self.clock, self.rows = args, Clock(args.minutes), Rows(args.results)

    def run(self):
        for fold in self.args.folds:
            missing = [way for way in self.args.ways if not self.rows.find(way=way, fold=fold, passes=PASSES)]
            if missing and not self.clock.over():
                self.fold(fold, missing)

    def fold(self, fold, ways):
        part = division(fold)
        with tempfile.TemporaryDirectory(prefix="graft_bench_") as scratch:
            at = lambda name: os.path.join(scratch, name)
            old = write(at("old.csv"), {"train": part["first"], "test": part["test"]}, OLD)
            new = write(at("new.csv"), {"train": part["second"], "test": part["test"]}, NEW)
            measured = write(at("all.csv"), {"train": part["first"], "test": part["test"]}, OLD + NEW)
            self.train([f"model={MODEL}", "data=" + json.dumps({**old, "split": {"validation": 0.1}}), "strategy=full", f"output={at('first')}"], fold)
            if not self.rows.find(way="before", fold=fold, passes=PASSES):
                self.keep("before", fold, at("first"), old)
            for way in ways:
                words = WAYS[way]
                data = {**new, "split": {"validation": 0.1}}
                own = [w for w in words if not w.startswith("replay=")]
                if own != words:
                    data["replay"] = {**old, "samples": 20, "split": {"validation": 0.1}}
                if not any(w.startswith("strategy=") for w in own):
                    own.append("strategy=full")
                self.train([f"model={at('first')}", "data=" + json.dumps(data), f"output={at(way)}", *own], fold)
                self.keep(way, fold, at(way), measured)

    def train(self, words, fold):
        graft_run.call(self.args.graft, "train", *COMMON, f"budget.epochs={PASSES}", f"train.eval_every={PASSES}", f"threads={self.args.threads}", f"seed={fold}", *words)

    def keep(self, way, fold, run, data):
        scores = json.loads(graft_run.call(self.args.graft, "eval", run, "data=" + json.dumps(data), "--json"))
        classes = {c["class"]: c["AP50"] for c in scores["per_class"]}
        row = self.rows.add(way=way, fold=fold, passes=PASSES, AP50=classes)
        print(f"fold {fold} {way}: {row['AP50']}", file=sys.stderr, flush=True)


def print_table(bench):
    print("| | AP50 of the old classes | change, points [95 %] | AP50 of the new class | folds |\n|---|---|---|---|---|")
    mean = lambda row, names: sum(row["AP50"][n] for n in names) / len(names)
    before = {r["fold"]: mean(r, OLD) for r in bench.rows.find(way="before", passes=PASSES)}
    print(f"| before | {percent(list(before.values()))} | | | {len(before)} |" if before else "")
    for way in WAYS:
        rows = [r for r in bench.rows.find(way=way, passes=PASSES) if r["fold"] in before]
        if rows:
            print(f"| {way} | {percent([mean(r, OLD) for r in rows])} | {points([mean(r, OLD) - before[r['fold']] for r in rows])} | {percent([mean(r, NEW) for r in rows])} | {len(rows)} |")


def main():
    p = options.parser(__doc__, "detect_new_class.jsonl")
    options.add_numbers(p, "--folds", range(5))
    options.add_some_of(p, "--ways", WAYS, separator=";")
    args = p.parse_args()
    bench = Bench(args)
    if not args.tables:
        bench.run()
    print_table(bench)
    return 0


if __name__ == "__main__":
    sys.exit(main())
