#!/usr/bin/env python3
"""stories260K tuned on tinyshakespeare: perplexity before and after, for head, layer-wise, LoRA and full (docs/evidence.md, "Language models").

  stories_shakespeare.py [--graft build/release/graft] [--data ../shared/data/tinyshakespeare] [--epochs 3] [--seeds 0,1,2] [--work /tmp/graft_bench_stories]

Every run has the same passes and its learning rate by graft's own range test, chosen on the validation part; the test part is measured once. A run that is there already is not repeated.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WAYS = {
    "head": ["strategy=head", "method=none"],
    "layer-wise": ["strategy=layer-wise", "method=none"],
    "LoRA": ["strategy=full", "method={name: lora, r: 16, alpha: 32}"],
    "full": ["strategy=full", "method=none"],
}


def graft(args, *words):
    done = subprocess.run([args.graft, *words], capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0:
        raise SystemExit(f"graft {' '.join(words)}\n{done.stderr[-2000:]}")
    return done.stdout


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--graft", default=os.path.join(ROOT, "build/release/graft"))
    p.add_argument("--data", default=os.path.join(ROOT, "../shared/data/tinyshakespeare"))
    p.add_argument("--epochs", type=float, default=3)
    p.add_argument("--seeds", default="0,1,2")
    p.add_argument("--work", default="/tmp/graft_bench_stories")
    args = p.parse_args()
    # The same division of the text for every seed: data are drawn by it, so the files are made once.
    rows = {}
    for seed in args.seeds.split(","):
        before = json.loads(graft(args, "eval", "stories260K", f"data={args.data}", f"seed={seed}", "--json", "--split", "test"))
        rows.setdefault("before", []).append({"perplexity": before["metrics"]["perplexity"]["value"], "accuracy": before["metrics"]["token_accuracy"]["value"]})
        for name, words in WAYS.items():
            run = os.path.join(args.work, f"{name}_{seed}")
            if not os.path.exists(os.path.join(run, "report.html")):
                graft(args, "train", "model=stories260K", f"data={args.data}", f"budget.epochs={args.epochs}", f"seed={seed}", f"output={run}", "overwrite=true", *words)
            with open(os.path.join(run, "summary.json")) as f:
                s = json.load(f)
            rows.setdefault(name, []).append({
                "perplexity": s["metrics"]["perplexity"]["value"], "accuracy": s["metrics"]["token_accuracy"]["value"], "trained": s["parameters"]["trainable"],
                "cpu": s["time"]["cpu_s"], "flops": s["work"]["flops"], "memory": s["memory"]["peak_tensor_bytes"]})
            print(f"{name}, seed {seed}: {rows[name][-1]['perplexity']:.2f}", file=sys.stderr, flush=True)
    print("| trained | parameters | perplexity, test: mean (least to most) | tokens right | TFLOP | CPU s of the run | tensors MiB |\n|---|---|---|---|---|---|---|")
    for name, found in rows.items():
        values = [r["perplexity"] for r in found]
        text = f"{statistics.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"
        accuracy = f"{100 * statistics.mean(r['accuracy'] for r in found):.1f} %"
        if name == "before":
            print(f"| nothing | | {text} | {accuracy} | | | |")
            continue
        print(f"| {name} | {found[0]['trained'] / 1e3:.0f} k | {text} | {accuracy} | {statistics.mean(r['flops'] for r in found) / 1e12:.2f} | {statistics.mean(r['cpu'] for r in found):.0f} | "
              f"{statistics.mean(r['memory'] for r in found) / 2**20:.0f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
