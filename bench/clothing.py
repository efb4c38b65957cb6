#!/usr/bin/env python3
"""What to train, on examples/data/clothing: 5 folds over the 600 photos, paired; prints the tables of docs/evidence.md, section 3.

  clothing.py [--minutes N] [--graft build/release/graft] [--results bench/results/clothing.jsonl] [--group strategies,probe,...] [--seeds 1] [--threads 1] [--tables]

A cell is (group, name, seed, fold): one `graft train` with the fold as its test split. Learning rates are chosen by graft's range test on the training part (train.lr: auto) and the
weights by the validation part; the held-out fold is measured once, at the end. Cells that are in the results file are not run again. Standard library only.
"""
import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
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
    folder = tempfile.mkdtemp(prefix="graft_clothing_")
    try:
        output = os.path.join(folder, "run")
        command = [graft, "train", f"model={model}", "data=" + json.dumps(data), f"seed={seed}", f"threads={threads}", f"output={output}", *words]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\n{done.stderr.strip()[-2000:]}")
        with open(os.path.join(output, "summary.json")) as f:
            s = json.load(f)
        right = {}
        with open(os.path.join(output, "predictions.jsonl")) as f:
            for line in f:
                p = json.loads(line)
                right[p["input"]] = int(p["label"] == p["predicted"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {"command": command[1:], "status": s["status"], "split": s["metric"]["split"], "accuracy": s["metric"]["value"], "validation": s["metric"]["validation"],
            "samples": s["samples"], "cpu_s": s["time"]["cpu_s"], "wall_s": s["time"]["wall_s"], "flops": s["work"]["flops"], "evaluation_flops": s["work"]["evaluation_flops"],
            "peak_rss_bytes": s["memory"]["peak_rss_bytes"], "peak_tensor_bytes": s["memory"]["peak_tensor_bytes"], "trainable": s["parameters"]["trainable"], "right": right}


# ---- statistics ----

T_975 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 14: 2.145, 19: 2.093, 24: 2.064}


def mean_interval(values):
    """Mean and half width of its 95 % interval by Student's t."""
    n = len(values)
    mean = sum(values) / n
    if n < 2:
        return mean, float("nan")
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1))
    t = T_975[max(k for k in T_975 if k <= n - 1)]
    return mean, t * deviation / math.sqrt(n)


def wilson(right, n):
    z, p = 1.96, right / n
    centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)


def mcnemar(a, b):
    """Exact two-sided p over samples that exactly one of the two gets right."""
    only_a = sum(1 for k in a if k in b and a[k] and not b[k])
    only_b = sum(1 for k in a if k in b and b[k] and not a[k])
    n = only_a + only_b
    if n == 0:
        return 1.0
    tail = sum(math.comb(n, i) for i in range(min(only_a, only_b) + 1)) / 2 ** n
    return min(1.0, 2 * tail)


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
    find = lambda group, name: [r for r in results if r["group"] == group and r["name"] == name]
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
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--minutes", type=float, default=1e9)
    p.add_argument("--graft", default=os.path.join(ROOT, "build/release/graft"))
    p.add_argument("--model", default="mobilenet_v2_0.35_224")
    p.add_argument("--results", default=os.path.join(ROOT, "bench/results/clothing.jsonl"), help="several, separated by commas, are read; the last is written")
    p.add_argument("--group", help="only these, separated by commas")
    p.add_argument("--seeds", type=int, default=1)
    p.add_argument("--threads", type=int, default=1, help="of each run; with one, two of this script (two results files) may run side by side on two cores")
    p.add_argument("--tables", action="store_true", help="only print what the results file holds")
    args = p.parse_args()
    results = []
    for path in args.results.split(","):
        if os.path.exists(path):
            with open(path) as f:
                results += [json.loads(line) for line in f]
    args.results = args.results.split(",")[-1]
    done = {(r["group"], r["name"], r["seed"], r["fold"]) for r in results}
    groups = cells()
    wanted = args.group.split(",") if args.group else list(groups)
    begin = time.monotonic()
    os.makedirs(os.path.dirname(args.results), exist_ok=True)
    todo = [(g, n, s, f) for s in range(args.seeds) for g in wanted for f in range(FOLDS) for n in groups[g] if groups[g][n][1] or f == 0]
    for group, name, seed, fold in todo:
        arguments, folds = groups[group][name]
        fold = fold if folds else None
        if args.tables or (group, name, seed, fold) in done:
            continue
        if time.monotonic() - begin > 60 * args.minutes:
            break
        row = {"group": group, "name": name, "seed": seed, "fold": fold, **run_cell(args.graft, args.model, arguments, fold, seed, args.threads)}
        results.append(row)
        with open(args.results, "a") as f:
            f.write(json.dumps(row) + "\n")
        print(f"{group:10} {name:14} seed {seed} fold {fold}: {100 * row['accuracy']:.1f} % on {row['split']}, validation {100 * row['validation']:.1f} %, {row['cpu_s']:.1f} CPU s",
              file=sys.stderr, flush=True)
    print_tables(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
