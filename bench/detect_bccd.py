#!/usr/bin/env python3
"""A detector pretrained on COCO, fine-tuned to blood cells by each strategy; prints the tables of docs/evidence.md, "Detection".

  detect_bccd.py [--minutes N] [--graft build/release/graft] [--results bench/results/detect_bccd.jsonl] [--folds 0,1,2,3,4] [--rows main,augmented,quarter,…] [--threads 2] [--tables]

YOLO-Fastest 1.1 (346 thousand numbers, bundled) on bccd (364 photos of blood, 3 classes) in five folds: fold i is the test part, 15 % of the rest choose the score from which boxes count,
the rest trains. A cell is (row, strategy, fold); of a fold all strategies see the same pictures, so that differences are paired. Cells are appended to the results file and not repeated.

  main       100 % of the training pictures, as they are
  augmented  the same with augment=standard
  quarter    25 % of the training pictures; quarter-augmented
  random     the same network from random weights: what the pretraining gives
  longer     `full` with three times the passes: that `full` is as long as helps

Rates, and share and passes of incremental, were chosen by fold 0's validation part (a few values each). `full` is the shortest fully decayed schedule within noise of three times as many passes (row `longer`). Standard library only.
"""
import json
import os
import sys

import graft_run
import options
from intervals import percent, points
from rows import ROOT, SHARED, Clock, Rows

MODEL = os.path.join(ROOT, "examples/models/yolo_fastest_1.1")
DATA = os.path.join(SHARED, "data/bccd")
STRATEGIES = {  # words, rate, rate of the head
    "head": (["strategy=head", "method=none"], 1e-2, 1e-2),
    "backbone": (["strategy=backbone", "method=none"], 2e-3, 4e-3),
    "incremental": (["strategy={name: incremental, share: 0.2}", "method=none"], 4e-3, 1e-2),
    "layer-wise": (["strategy=layer-wise", "method=none"], 2e-3, 1e-2),
    "full": (["strategy=full", "method=none"], 2e-3, 4e-3),
    "norm": (["strategy=full", "method=norm"], 1e-2, 1e-2),
    "lora": (["strategy=full", "method={name: lora, r: 4, alpha: 8}"], 4e-3, 1e-2),
}
PASSES = 10
SHARE = {"incremental": 0.7, "head": 3}  # of the passes of full: those of a frozen network are cheap
ROWS = {  # words, strategies
    "main": ([], list(STRATEGIES)),
    "augmented": (["augment=standard"], list(STRATEGIES)),
    "longer": ([], ["full"]),
    "random": (["model.init=random"], ["full"]),
    "quarter": (["data.fraction=0.25"], list(STRATEGIES)),
    "quarter-augmented": (["data.fraction=0.25", "augment=standard"], list(STRATEGIES)),
}


def passes(row, strategy):
    return max(2, round(PASSES * SHARE.get(strategy, 1) * (3 if row == "longer" else 1)))


def words_of(args, row, strategy, fold):
    own, lr, head_lr = STRATEGIES[strategy]
    extra = ROWS[row][0]
    if row == "random":
        lr, head_lr = 4e-3, 4e-3
    words = [f"model={MODEL}", f"data.path={DATA}", "data.folds=5", f"data.fold={fold}", f"seed={fold}", f"threads={args.threads}", "plan=off", "metric=AP50", "precision=float32",
             "train.batch=16", "train.workers=2", "train.batch_norm=frozen", "train.schedule=cosine", "train.keep=last", f"train.eval_every={passes(row, strategy)}", f"train.lr={lr}",
             f"train.head_lr={head_lr}", f"budget.epochs={passes(row, strategy)}", *own]
    if row == "random":
        words = [w for w in words if not w.startswith("train.batch_norm")] + ["train.batch_norm=train"]
    return words + (extra if any(w.startswith("augment=") for w in extra) else [*extra, "augment=none"])


def kept_bytes(folder):
    """What a run leaves to be kept: of an adapter the adapter, else the model."""
    found = 0
    for name in ("model/model.safetensors", "adapter/adapter_model.safetensors", "delta.safetensors"):
        path = os.path.join(folder, name)
        found += os.path.getsize(path) if os.path.exists(path) else 0
    return found


def facts(run):
    s = run.summary
    return {"AP50": s["detection"]["AP50"], "AP": s["detection"]["AP"], "per_class": {c["class"]: c["AP50"] for c in s["per_class"]}, "cpu_s": s["time"]["cpu_s"], "wall_s": run.seconds,
            "train_s": s["time"]["train_s"], "flops": s["work"]["flops"], "peak_tensor_bytes": s["memory"]["peak_tensor_bytes"], "trainable": s["parameters"]["trainable"],
            "total": s["parameters"]["total"], "kept_bytes": kept_bytes(run.folder), "passes": s["epochs"]}


class Bench:
    def __init__(self, args):
        self.args, self.clock, self.rows = args, Clock(args.minutes), Rows(args.results)

    def run(self):
        for fold in self.args.folds:
            for row in self.args.rows:
                for strategy in ROWS[row][1]:
                    if strategy not in self.args.strategies:
                        continue
                    if self.clock.over():
                        return
                    self.measure(row, strategy, fold)

    def measure(self, row, strategy, fold):
        cell = {"row": row, "strategy": strategy, "fold": fold, "words": words_of(self.args, row, strategy, fold)}
        if self.rows.find(**cell):
            return
        with graft_run.trained(self.args.graft, cell["words"]) as run:
            line = self.rows.add(**cell, **facts(run))
        print(f"{row} {strategy} fold {fold}: AP50 {line['AP50']:.3f}, {line['cpu_s']:.0f} CPU s", file=sys.stderr, flush=True)

    def cells(self, row, strategy):
        """{fold: row of the results}"""
        found = {}
        for fold in self.args.folds:
            rows = self.rows.find(row=row, strategy=strategy, fold=fold, words=words_of(self.args, row, strategy, fold))
            if rows:
                found[fold] = rows[-1]
        return found


def print_tables(bench):
    mean = lambda values: sum(values) / len(values)
    for row in bench.args.rows:
        base = bench.cells("main" if row in ("longer", "random") else row, "full")
        if not any(bench.cells(row, s) for s in ROWS[row][1]):
            continue
        print(f"\n{row}:\n\n| strategy | AP50 | AP | AP50 against full, points [95 %] | CPU s | of full's | FLOPs of full's | peak tensors MiB | trained | kept KiB | folds |\n"
              "|---|---|---|---|---|---|---|---|---|---|---|")
        for strategy in ROWS[row][1]:
            cells = bench.cells(row, strategy)
            if not cells:
                continue
            both = [f for f in cells if f in base]
            against = points([cells[f]["AP50"] - base[f]["AP50"] for f in both]) if both else ""
            of_full = lambda key: f"{mean([cells[f][key] / base[f][key] for f in both]):.2f}" if both else ""
            line = list(cells.values())
            print(f"| {strategy} | {percent([c['AP50'] for c in line])} | {percent([c['AP'] for c in line])} | {against} | {mean([c['cpu_s'] for c in line]):.0f} | {of_full('cpu_s')} | "
                  f"{of_full('flops')} | {mean([c['peak_tensor_bytes'] for c in line]) / 2**20:.0f} | {100 * line[0]['trainable'] / line[0]['total']:.1f} % | "
                  f"{mean([c['kept_bytes'] for c in line]) / 1024:.0f} | {len(line)} |")


def main():
    p = options.parser(__doc__, "detect_bccd.jsonl")
    options.add_numbers(p, "--folds", range(5))
    options.add_some_of(p, "--rows", ROWS)
    options.add_some_of(p, "--strategies", STRATEGIES)
    args = p.parse_args()
    bench = Bench(args)
    if not args.tables:
        bench.run()
    print_tables(bench)
    return 0


if __name__ == "__main__":
    sys.exit(main())
