#!/usr/bin/env python3
"""The head on cached features against the head on features computed anew, both by gradient steps and with decoded images in memory; prints the table of docs/evidence.md, section 2.

  cached_head.py [--graft build/release/graft] [--model mobilenet_v2_0.35_224] [--epochs 30] [--rounds 3] [--results bench/results/cached_head.jsonl]

A round is one `graft train` of each side, one after the other, on examples/data/clothing. Epoch times are sums of step_s in log.jsonl, epochs after the first; the whole run is time.wall_s of
summary.json: start, loading, filling the cache, evaluation after every epoch, test and report included. Standard library only.
"""
import argparse
import collections
import math
import os
import statistics
import sys

import graft_run
from rows import GRAFT, RESULTS, ROOT, Rows



def measure(args, cache):
    words = [f"model={args.model}", "data=" + os.path.join(ROOT, "examples/data/clothing"), "strategy=head", "method=none", f"cache={cache}", "augment=none",
             f"budget.epochs={args.epochs}", "train.batch=32", "train.lr=0.01", "train.eval_every=1", "train.image_cache=1GB"]
    with graft_run.trained(args.graft, words) as run:
        epochs, summary = collections.defaultdict(float), run.summary
        for event in run.lines("log.jsonl"):
            if event["event"] == "step":
                epochs[math.ceil(event["epoch"] - 1e-9)] += event["step_s"]
    later = [seconds for epoch, seconds in sorted(epochs.items()) if epoch > 1]
    return {"first_s": epochs[1], "later_s": later, "wall_s": summary["time"]["wall_s"], "cpu_s": summary["time"]["cpu_s"], "cache_s": summary["time"]["cache_s"],
            "accuracy": summary["metric"]["value"]}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--graft", default=GRAFT)
    p.add_argument("--model", default="mobilenet_v2_0.35_224")
    p.add_argument("--epochs", type=int, default=30)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--results", default=os.path.join(RESULTS, "cached_head.jsonl"))
    args = p.parse_args()
    results, of = Rows(args.results), {"model": args.model, "epochs": args.epochs}
    rows = results.find(**of)
    while len(rows) < args.rounds:
        row = results.add(**of, memory=measure(args, "memory"), none=measure(args, "none"))
        rows.append(row)
        print(f"round {len(rows)}: whole run {row['none']['wall_s']:.1f} s uncached, {row['memory']['wall_s']:.1f} s cached", file=sys.stderr, flush=True)
    epoch = {side: statistics.median(s for r in rows for s in r[side]["later_s"]) for side in ("none", "memory")}
    whole = {side: statistics.median(r[side]["wall_s"] for r in rows) for side in ("none", "memory")}
    ratios = sorted(statistics.median(r["none"]["later_s"]) / statistics.median(r["memory"]["later_s"]) for r in rows)
    wholes = sorted(r["none"]["wall_s"] / r["memory"]["wall_s"] for r in rows)
    print("| model | epoch uncached | epoch cached | ratio (least, most of the rounds) | %d epochs uncached | cached | ratio (least, most) | test accuracy uncached / cached |" % args.epochs)
    print("|---|---|---|---|---|---|---|---|")
    print(f"| {args.model} | {epoch['none']:.2f} s | {1e3 * epoch['memory']:.1f} ms | {epoch['none'] / epoch['memory']:.0f} ({ratios[0]:.0f}, {ratios[-1]:.0f}) | {whole['none']:.1f} s | "
          f"{whole['memory']:.2f} s | {whole['none'] / whole['memory']:.1f} ({wholes[0]:.1f}, {wholes[-1]:.1f}) | {rows[0]['none']['accuracy']:.3f} / {rows[0]['memory']['accuracy']:.3f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
