#!/usr/bin/env python3
"""What augmentation of texts brings: TREC with all-MiniLM-L6-v2, at 10, 25, 50 and 100 % of the training part; prints the table of docs/evidence.md, "Augmentation of texts".

  augmentation_texts.py [--minutes N] [--graft build/release/graft] [--results bench/results/augmentation_texts.jsonl] [--seeds 0,1,2,3,4] [--shares 0.1,0.25,0.5,1]
                        [--ways none,random_deletion,…] [--threads 2] [--device cuda] [--tables]

A cell is (seed, share, way): one `graft train` of every weight, batches of 16, bfloat16 where the processor multiplies it, a fixed learning rate, and the passes of PASSES, the same for every way of a share; the 500 test
questions are measured once, at the end. Nothing is chosen, so no part is kept for it. A seed draws the same questions and the same order for every way, and differences are taken within
a seed. Cells that are in the results file are not run again; the ways of a (seed, share) run one after the other, so that what is there after any time is paired.

The list of synonyms (bench/data/question_synonyms.txt) was written by hand for common words of the training questions, of which it knows every ninth; so each is replaced with
probability 0.5, which changes about one word in eighteen. back_translation needs a translator and is not here. Standard library only.
"""
import json
import os
import statistics
import sys
import tempfile

import graft_run
import options
import texts
from intervals import percent, points
from rows import ROOT, Clock, Rows

PASSES = {0.1: 12, 0.25: 8, 0.5: 4, 1.0: 3}
SYNONYMS = "bench/data/question_synonyms.txt"
WAYS = {
    "none": ["augment=none"],
    "random_deletion": ["augment={random_deletion: {p: 0.1}}"],
    "random_swap": ["augment={random_swap: {share: 0.1}}"],
    "synonym_replacement": ["augment={synonym_replacement: {file: %s, p: 0.5}}" % os.path.join(ROOT, SYNONYMS)],
    "token_masking": ["augment={token_masking: {p: 0.1}}"],
    "mixup": ["augment=none", "train.mixup=0.2"],
}


def measure(args, seed, share, way):
    files = texts.files("trec", args.work)
    data = {"train": files["train"], "test": files["test"], "split": {"validation": 0}, "fraction": share}
    words = [f"model={texts.MINILM}", "data=" + json.dumps(data), f"seed={seed}", f"threads={args.threads}", "plan=off", "metric=accuracy", "strategy=full", "method=none",
             f"device={args.device}", f"precision={graft_run.precision(args.device)}", "train.batch=16", "train.lr=2e-4", "train.head_lr=1e-3", f"budget.epochs={PASSES[share]}", "train.keep=last", f"train.eval_every={PASSES[share]}",
             "train.batch_norm=frozen", "train.workers=1", *WAYS[way]]
    with graft_run.trained(args.graft, words) as run:
        s = run.summary
        return {"command": words, "accuracy": s["metrics"]["accuracy"]["value"], "loss": s["loss"], "samples": s["samples"]["train"], "cpu_s": s["time"]["cpu_s"], "wall_s": run.seconds}


def print_table(args, rows):
    print("| training questions | passes | augmentation | test accuracy | difference to none, points [95 %] | test loss | CPU s | seeds |\n|---|---|---|---|---|---|---|---|")
    for share in args.shares:
        none = {r["seed"]: r for r in rows.find(share=share, way="none", passes=PASSES[share])}
        for way in args.ways:
            found = [r for r in rows.find(share=share, way=way, passes=PASSES[share]) if r["seed"] in args.seeds]
            if not found:
                continue
            pairs = [(r["accuracy"], none[r["seed"]]["accuracy"]) for r in found if r["seed"] in none]
            difference = points([a - b for a, b in pairs]) if pairs and way != "none" else "–"
            print(f"| {found[0]['samples']:,} ({100 * share:.0f} %) | {PASSES[share]} | {way} | {percent([r['accuracy'] for r in found])} | {difference} | "
                  f"{statistics.mean(r['loss'] for r in found):.3f} | {statistics.mean(r['cpu_s'] for r in found):.0f} | {len(found)} |")


def main():
    p = options.parser(__doc__, "augmentation_texts.jsonl", device=True)
    p.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "graft_bench_texts"), help="folder for the records that the runs read")
    options.add_numbers(p, "--seeds", range(5))
    options.add_some_of(p, "--shares", PASSES, float)
    options.add_some_of(p, "--ways", WAYS)
    args = p.parse_args()
    rows, clock = Rows(args.results), Clock(args.minutes)
    todo = [(seed, share, way) for seed in args.seeds for share in args.shares for way in args.ways]
    for seed, share, way in [] if args.tables else todo:
        cell = {"seed": seed, "share": share, "way": way, "passes": PASSES[share]}
        if rows.find(**cell):
            continue
        if clock.over():
            break
        row = rows.add(**cell, **measure(args, seed, share, way))
        print(f"seed {seed}, {100 * share:.0f} %, {way}: {100 * row['accuracy']:.1f} %, {row['wall_s']:.1f} s", file=sys.stderr, flush=True)
    print_table(args, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
