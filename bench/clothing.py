#!/usr/bin/env python3
"""What to train, on examples/data/clothing: 5 folds over the 600 photos, paired; prints the tables of docs/evidence.md, section 3.

  clothing.py [--minutes N] [--graft build/release/graft] [--results bench/results/clothing.jsonl] [--group strategies,probe,...] [--seeds 1] [--threads 1] [--tables]

A cell is (group, name, seed, fold): one `graft train` with the fold as its test split. Learning rates are chosen by graft's range test on the training part (train.lr: auto) and the
weights by the validation part; the held-out fold is measured once, at the end. Cells that are in the results file are not run again. Standard library only.
"""
import json
import os
import sys

import graft_run
import options
from intervals import mcnemar, mean_interval, wilson
from rows import ROOT, Clock, Rows

FOLDS = 5
EPOCHS = 6

FULL = ["strategy=full", "method=none"]
STRATEGIES = {
    "full": FULL,
    "head": ["strategy=head", "method=none", "budget.epochs=30"],
    "head, direct": ["strategy={name: head, solver: logistic}", "method=none"],
    "layer-wise": ["strategy=layer-wise", "method=none"],
    "lp-ft": ["strategy=lp-ft", "method=none"],
    "lp-ft, solved head": ["strategy={name: lp-ft, solver: logistic, rate: 1.0}", "method=none"],  # what the plan chooses by itself
    "lora": ["strategy=full", "method=lora"],
}


def cells():
    """group → {name: (arguments, uses folds)}, in the order in which they are run."""
    groups = {"strategies": {name: (args + ["augment=none"], True) for name, args in STRATEGIES.items()}}
    groups["probe"] = {"linear probe": (["strategy={name: head, solver: logistic}", "method=none", "augment=none"], False)}
    groups["updates"] = {"nested": (FULL + ["augment=none", "updates.policy=nested"], True)}
    groups["sampling"] = {
        f"{policy} {rate}": (FULL + ["augment=none", f"sampling.rate={rate}", f"sampling.policy={policy}"], True)
        for rate in (0.25, 0.5) for policy in ("uniform", "rs2")}
    groups["data"] = {f"{augment} {share}": (FULL + [f"augment={augment}", ("fraction", share)], True)
                      for share in (0.1, 0.25, 0.5, 1.0) for augment in ("none", "light") if (augment, share) != ("none", 1.0)}
    return groups


def run_cell(graft, model, arguments, fold, seed, threads):
    fraction = [a[1] for a in arguments if isinstance(a, tuple)]
    words = [a for a in arguments if not isinstance(a, tuple)]
    data = {"path": os.path.join(ROOT, "examples/data/clothing")}
    if fold is not None:
        data.update(folds=FOLDS, fold=fold)
    if fraction and fraction[0] < 1:
        data["fraction"] = fraction[0]
    if not any(w.startswith("budget.") for w in words):
        words = words + [f"budget.epochs={EPOCHS}"]
    command = [f"model={model}", "data=" + json.dumps(data), f"seed={seed}", f"threads={threads}", *words]
    with graft_run.trained(graft, command) as run:
        s, right = run.summary, run.right()
    return {"command": command, "status": s["status"], "split": s["metric"]["split"], "accuracy": s["metric"]["value"], "validation": s["metric"]["validation"],
            "samples": s["samples"], "cpu_s": s["time"]["cpu_s"], "wall_s": s["time"]["wall_s"], "flops": s["work"]["flops"], "evaluation_flops": s["work"]["evaluation_flops"],
            "peak_rss_bytes": s["memory"]["peak_rss_bytes"], "peak_tensor_bytes": s["memory"]["peak_tensor_bytes"], "trainable": s["parameters"]["trainable"], "right": right}


def pooled(rows):
    return {(r["seed"], key): value for r in rows for key, value in r["right"].items()}


def table(title, names, rows_of, reference):
    print(f"\n**{title}**\n")
    print("| | accuracy, pooled [95 %] | difference to full, points [95 %] | p | CPU s | TFLOP | peak RSS MB | trained | folds |")
    print("|---|---|---|---|---|---|---|---|---|")
    base = {(r["seed"], r["fold"]): r for r in reference}
    for name in names:
        rows = rows_of(name)
        if not rows:
            continue
        right = pooled(rows)
        k, n = sum(right.values()), len(right)
        low, high = wilson(k, n)
        pairs = [(r, base[r["seed"], r["fold"]]) for r in rows if (r["seed"], r["fold"]) in base]
        difference, p = "–", "–"
        if pairs and name != "full":
            mean, half = mean_interval([100 * (a["accuracy"] - b["accuracy"]) for a, b in pairs])
            difference = f"{mean:+.1f} [{mean - half:+.1f}, {mean + half:+.1f}]"
            p = f"{mcnemar(pooled([a for a, _ in pairs]), pooled([b for _, b in pairs])):.2g}"
        average = lambda key: sum(r[key] for r in rows) / len(rows)
        print(f"| {name} | {100 * k / n:.1f} % [{100 * low:.1f}, {100 * high:.1f}] | {difference} | {p} | {average('cpu_s'):.1f} | {average('flops') / 1e12:.2f} | "
              f"{average('peak_rss_bytes') / 1e6:.0f} | {average('trainable'):,.0f} | {len(rows)} |")


def print_tables(results):
    find = lambda group, name: results.find(group=group, name=name)
    full = find("strategies", "full")
    table("What trains (no augmentation)", STRATEGIES, lambda n: find("strategies", n), full)
    table("Updates of every block, or nested", ["all", "nested"], lambda n: full if n == "all" else find("updates", n), full)
    table("Sampling rate (full, no augmentation)", ["full"] + list(cells()["sampling"]), lambda n: full if n == "full" else find("sampling", n), full)
    table("Augmentation × share of the data (full)", ["none 0.1", "light 0.1", "none 0.25", "light 0.25", "none 0.5", "light 0.5", "none 1.0", "light 1.0"],
          lambda n: full if n == "none 1.0" else find("data", n), full)
    for r in find("probe", "linear probe")[:1]:
        k, n = sum(r["right"].values()), len(r["right"])
        low, high = wilson(k, n)
        print(f"\nLinear probe on the given test split, bundled size: {100 * k / n:.1f} % [{100 * low:.1f}, {100 * high:.1f}], {n} photos, {r['cpu_s']:.1f} CPU s.")


def main():
    p = options.parser(__doc__, "clothing.jsonl", threads=1, minutes=1e9)
    p.add_argument("--model", default="mobilenet_v2_0.35_224")
    p.add_argument("--group", help="only these, separated by commas")
    p.add_argument("--seeds", type=int, default=1)
    args = p.parse_args()
    results, clock = Rows(args.results), Clock(args.minutes)
    groups = cells()
    wanted = args.group.split(",") if args.group else list(groups)
    todo = [(g, n, s, f) for s in range(args.seeds) for g in wanted for f in range(FOLDS) for n in groups[g] if groups[g][n][1] or f == 0]
    for group, name, seed, fold in todo:
        arguments, folds = groups[group][name]
        fold = fold if folds else None
        cell = {"group": group, "name": name, "seed": seed, "fold": fold}
        if args.tables or results.find(**cell):
            continue
        if clock.over():
            break
        row = results.add(**cell, **run_cell(args.graft, args.model, arguments, fold, seed, args.threads))
        print(f"{group:10} {name:14} seed {seed} fold {fold}: {100 * row['accuracy']:.1f} % on {row['split']}, validation {100 * row['validation']:.1f} %, {row['cpu_s']:.1f} CPU s",
              file=sys.stderr, flush=True)
    print_tables(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
