#!/usr/bin/env python3
"""A text classifier fine-tuned by graft and by transformers (peft, Trainer) at their defaults; prints the table of docs/evidence.md, "Texts beside transformers + peft".

  real_texts.py [--minutes N] [--graft build/release/graft] [--python .deps/oracles/bin/python] [--results bench/results/real_texts.jsonl] [--tasks trec,sst2]
                [--strategies head,lora,layer-wise,full] [--seeds 0,1,2,3,4] [--threads 2] [--device cuda] [--tables]
  real_texts.py --tune [--sides graft] …           learning rates on the part to choose by, seed 0; a table of its own, never the test part

all-MiniLM-L6-v2 (scripts/minilm) on TREC (5,452 questions, 6 classes, 500 to test) and SST-2 (6,920 sentences, 1,821 to test), whole. Both sides read the same files, make the same
passes over all of the training part (the head: see below), choose nothing while they run, and measure the test part once, at the end. A cell is (task, strategy, seed); of each, both
sides run one after the other, and the side that begins alternates, so that what is there after any time is paired. Cells are appended to the results file and not repeated.

  theirs  bench/peers/classify_texts.py: batches of 8 padded to the longest text, float32, first token and pooler; the rates of THEIRS below
  graft   `graft train plan=off` with the rates of OURS and the words of WORDS below: unpadded batches of 32 (BATCH), bfloat16 where the processor multiplies it, mean of the tokens (as the encoder was trained)

lora is r 8, alpha 16, on query and value; layer-wise reaches four layers from above in five stages; head is the classifier alone: five passes of theirs, and one of graft's, which solves
it on features that are computed once. Rates come from --tune, on the part to choose by, with as many candidates on either side; its table says where another than the used one was best.

"Whole run" is from the launch of the process to its exit, as its user waits; "training" has the preparation of the texts in it (theirs: tokenizing), and what is kept of the frozen layers.
Ratios are graft's time over theirs within a cell. Standard library only.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import graft_run
import options
import texts
from intervals import percent, points, spread
from rows import ORACLES, ROOT, Clock, Rows

PEER = os.path.join(ROOT, "bench/peers/classify_texts.py")
TASKS = ("trec", "sst2")
STRATEGIES = ("head", "lora", "layer-wise", "full")
SIDES = ("graft", "theirs")
PASSES = {"head": 5, "lora": 3, "layer-wise": 3, "full": 3}

# What is tried by --tune, and what was best there (theirs: Trainer's own default is 5e-5).
CANDIDATES = {
    ("graft", "head"): (1.0, 10.0, 100.0), ("graft", "lora"): (1e-3, 2e-3, 4e-3), ("graft", "layer-wise"): (5e-4, 1e-3, 2e-3), ("graft", "full"): (1e-4, 2e-4, 4e-4),
    ("theirs", "head"): (5e-5, 1e-3, 5e-3), ("theirs", "lora"): (5e-5, 1e-3, 2e-3), ("theirs", "layer-wise"): (5e-5, 2e-4, 5e-4), ("theirs", "full"): (5e-5, 1e-4, 2e-4),
}
OURS = {  # the head's number is the ridge of its logistic regression
    "head": {"trec": 10.0, "sst2": 100.0}, "lora": {"trec": 2e-3, "sst2": 2e-3}, "layer-wise": {"trec": 1e-3, "sst2": 2e-3}, "full": {"trec": 2e-4, "sst2": 2e-4},
}
BATCH = {("layer-wise", "sst2"): 16}  # of graft; 32 elsewhere
THEIRS = {
    "head": {"trec": 1e-3, "sst2": 1e-3}, "lora": {"trec": 1e-3, "sst2": 1e-3}, "layer-wise": {"trec": 2e-4, "sst2": 2e-4}, "full": {"trec": 5e-5, "sst2": 5e-5},
}
WORDS = {
    "head": ["strategy={name: head, solver: logistic}", "method=none"],
    "lora": ["strategy=full", "method={name: lora, r: 8, alpha: 16, target: [query, value]}"],
    "layer-wise": ["strategy=layer-wise", "method=none"],
    "full": ["strategy=full", "method=none"],
}
RATES = {"graft": OURS, "theirs": THEIRS}


def by_graft(args, task, files, strategy, seed, value):
    data = {"train": files[0], "test": files[1], "split": {"validation": 0}}
    words = [f"model={texts.MINILM}", "data=" + json.dumps(data), f"seed={seed}", f"threads={args.threads}", "plan=off", "augment=none", "metric=accuracy", f"train.batch={BATCH.get((strategy, task), 32)}",
             "train.workers=1", "train.keep=last", "train.eval_every=1", "train.batch_norm=frozen",
             f"device={args.device}", f"precision={graft_run.precision(args.device)}", *WORDS[strategy]]
    if strategy == "head":
        words += [f"train.ridge={value}", "train.lr=1e-3", "train.head_lr=1e-3", "budget.epochs=1"]
    else:
        words += [f"train.lr={value}", f"train.head_lr={max(value, 1e-3)}", f"budget.epochs={PASSES[strategy]}"]
    with graft_run.trained(args.graft, words) as run:
        s = run.summary
        return {"command": words, "accuracy": s["metrics"]["accuracy"]["value"], "samples": s["metric"]["samples"], "train_s": s["time"]["train_s"], "evaluate_s": s["time"]["eval_s"],
                "wall_s": run.seconds, "cpu_s": s["time"]["cpu_s"], "peak_rss_bytes": s["memory"]["peak_rss_bytes"], "trainable": s["parameters"]["trainable"]}


def by_theirs(args, task, files, strategy, seed, value):
    command = [args.python, PEER, "--model", texts.MINILM, "--train", files[0], "--test", files[1], "--strategy", strategy, "--epochs", str(PASSES[strategy]), "--lr", str(value),
               "--seed", str(seed), "--threads", str(args.threads), "--device", args.device]
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr.strip()[-2000:]}")
    line = json.loads(done.stdout.strip().splitlines()[-1])
    return {**line, "command": command[2:], "train_s": line["prepare_s"] + line["train_s"], "wall_s": seconds}


RUN = {"graft": by_graft, "theirs": by_theirs}


class Bench:
    def __init__(self, args):
        self.args, self.clock, self.rows = args, Clock(args.minutes), Rows(args.results)

    def measure(self, kind, side, task, strategy, seed, value):
        """A row of the results, unless it is there already."""
        cell = {"kind": kind, "side": side, "task": task, "strategy": strategy, "seed": seed, "value": value, "passes": PASSES[strategy]}
        if self.rows.find(**cell):
            return
        found = texts.files(task, self.args.work)
        part = "to_tune_" if kind == "tune" else ""
        row = self.rows.add(**cell, **RUN[side](self.args, task, (found[part + "train"], found[part + "test"]), strategy, seed, value))
        print(f"{kind} {task} {strategy} {value:g} seed {seed}, {side}: {100 * row['accuracy']:.1f} %, {row['wall_s']:.1f} s", file=sys.stderr, flush=True)

    def find(self, side, task, strategy, seed):
        value = RATES[side][strategy][task]
        rows = self.rows.find(kind="test", side=side, task=task, strategy=strategy, seed=seed, value=value, passes=PASSES[strategy])
        return rows[-1] if rows else None

    def tune(self):
        for task in self.args.tasks:
            for strategy in self.args.strategies:
                for side in self.args.sides:
                    for value in CANDIDATES[side, strategy]:
                        if not self.clock.over():
                            self.measure("tune", side, task, strategy, 0, value)

    def run(self):
        for turn, seed in enumerate(self.args.seeds):
            for task in self.args.tasks:
                for strategy in self.args.strategies:
                    if self.clock.over():
                        return
                    for side in SIDES if turn % 2 == 0 else SIDES[::-1]:
                        self.measure("test", side, task, strategy, seed, RATES[side][strategy][task])

    def pairs(self, task, strategy):
        """[(graft's row, theirs)], of the seeds that have both."""
        both = [tuple(self.find(side, task, strategy, seed) for side in SIDES) for seed in self.args.seeds]
        return [pair for pair in both if all(pair)]


def print_tuned(bench):
    print("| data | strategy | side | accuracy on the part to choose by, by rate (graft's head: by ridge) | used |\n|---|---|---|---|---|")
    for task in bench.args.tasks:
        for strategy in bench.args.strategies:
            for side in bench.args.sides:
                rows = bench.rows.find(kind="tune", side=side, task=task, strategy=strategy, passes=PASSES[strategy])
                if rows:
                    best = max(rows, key=lambda r: r["accuracy"])
                    used = RATES[side][strategy][task]
                    said = ", ".join(f"{r['value']:g}: {100 * r['accuracy']:.1f} %" for r in sorted(rows, key=lambda r: r["value"]))
                    print(f"| {task} | {strategy} | {side} | {said} | {used:g}{'' if best['value'] == used else ' (not the best)'} |")


def print_table(bench):
    print("| data | strategy | passes graft / theirs | test accuracy graft | theirs | difference, points [95 %] | whole run s graft / theirs | ratio: median (least to most) | "
          "training s graft / theirs | ratio | evaluation s graft / theirs | seeds |\n|---|---|---|---|---|---|---|---|---|---|---|---|")
    for task in bench.args.tasks:
        for strategy in bench.args.strategies:
            pairs = bench.pairs(task, strategy)
            if not pairs:
                continue
            accuracy = [[pair[k]["accuracy"] for pair in pairs] for k in (0, 1)]
            seconds = lambda field: " / ".join(f"{statistics.median(pair[k][field] for pair in pairs):.1f}" for k in (0, 1))
            ratio = lambda field: spread([a[field] / b[field] for a, b in pairs])
            print(f"| {task} | {strategy} | {1 if strategy == 'head' else PASSES[strategy]} / {PASSES[strategy]} | {percent(accuracy[0])} | {percent(accuracy[1])} | "
                  f"{points([a - b for a, b in zip(*accuracy)])} | {seconds('wall_s')} | {ratio('wall_s')} | {seconds('train_s')} | {ratio('train_s')} | {seconds('evaluate_s')} | {len(pairs)} |")


def main():
    p = options.parser(__doc__, "real_texts.jsonl", device=True)
    p.add_argument("--python", default=ORACLES)
    p.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "graft_bench_texts"), help="folder for the records that both sides read")
    options.add_some_of(p, "--tasks", TASKS)
    options.add_some_of(p, "--strategies", STRATEGIES)
    options.add_some_of(p, "--sides", SIDES)
    options.add_numbers(p, "--seeds", range(5))
    p.add_argument("--tune", action="store_true", help="try the rates of CANDIDATES on the part to choose by")
    args = p.parse_args()
    bench = Bench(args)
    if not args.tables:
        (bench.tune if args.tune else bench.run)()
    (print_tuned if args.tune else print_table)(bench)
    return 0


if __name__ == "__main__":
    sys.exit(main())
