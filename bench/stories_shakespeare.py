#!/usr/bin/env python3
"""stories260K tuned on tinyshakespeare: perplexity before and after, for head, layer-wise, LoRA and full; prints the table of docs/evidence.md, "Language models".

  stories_shakespeare.py [--minutes N] [--graft build/release/graft] [--results bench/results/stories.jsonl] [--epochs 3] [--seeds 0,1,2] [--ways head,…] [--threads 2] [--device cuda] [--tables]

The text is cut once, at ends of paragraphs: its first 90 % to train, then 5 % to choose by and 5 % to measure on, so that no piece of a scene is learned and measured. Every run has the
same passes, and ends with the weights that were best on the part to choose by. The first seed tries the rates of RATES; the one that was best on the part to choose by is that of the
other seeds and of the table. The test part is measured once a run, at the end. A cell is (way, rate, seed); those in the results file are not run again. Perplexity is of a token of
stories260K's vocabulary of 512. Standard library only.
"""
import json
import os
import statistics
import sys
import tempfile

import graft_run
import options
from rows import SHARED, Clock, Rows

MODEL = "stories260K"
PARTS = {"train.txt": 0.9, "valid.txt": 0.05, "test.txt": 0.05}
WAYS = {
    "head": ["strategy=head", "method=none"],
    "layer-wise": ["strategy=layer-wise", "method=none"],
    "LoRA": ["strategy=full", "method={name: lora, r: 16, alpha: 32}"],
    "full": ["strategy=full", "method=none"],
}
RATES = {"head": (4e-3, 1.6e-2, 5e-2), "layer-wise": (2e-3, 8e-3, 2e-2), "LoRA": (1e-3, 4e-3, 1.6e-2), "full": (5e-4, 2e-3, 8e-3)}


def divide(source, folder):
    """The parts of the text, as files of `folder`."""
    with open(source) as f:
        paragraphs = f.read().split("\n\n")
    size, end, taken = sum(len(p) + 2 for p in paragraphs), 0.0, 0
    os.makedirs(folder, exist_ok=True)
    at = 0
    for name, share in PARTS.items():
        end += share
        part = []
        while at < len(paragraphs) and (taken + len(paragraphs[at]) / 2 < end * size or name == "test.txt"):
            taken += len(paragraphs[at]) + 2
            part.append(paragraphs[at])
            at += 1
        with open(os.path.join(folder, name), "w") as f:
            f.write("\n\n".join(part) + "\n")


def metrics(found):
    return {"perplexity": found["perplexity"]["value"], "interval": [found["perplexity"]["low"], found["perplexity"]["high"]], "accuracy": found["token_accuracy"]["value"]}


def before(args):
    said = json.loads(graft_run.call(args.graft, "eval", MODEL, f"data={args.work}", "--split", "test", "--json"))
    return metrics(said["metrics"])


def after(args, way, seed, rate):
    words = [f"model={MODEL}", f"data={args.work}", f"budget.epochs={args.epochs}", f"seed={seed}", f"threads={args.threads}", f"device={args.device}", f"train.lr={rate}", *WAYS[way]]
    with graft_run.trained(args.graft, words) as run:
        s = run.summary
        return {**metrics(s["metrics"]), "validation": s["metric"]["validation"], "trained": s["parameters"]["trainable"], "cpu_s": s["time"]["cpu_s"], "wall_s": run.seconds,
                "flops": s["work"]["flops"], "peak_tensor_bytes": s["memory"]["peak_tensor_bytes"]}


class Bench:
    def __init__(self, args):
        self.args, self.clock, self.rows = args, Clock(args.minutes), Rows(args.results)

    def measure(self, way, seed, rate):
        cell = {"way": way, "seed": seed, "epochs": self.args.epochs, "rate": rate}
        if self.rows.find(**cell) or self.clock.over():
            return
        row = self.rows.add(**cell, **after(self.args, way, seed, rate))
        print(f"{way}, rate {rate:g}, seed {seed}: perplexity {row['validation']:.2f} to choose by, {row['wall_s']:.0f} s", file=sys.stderr, flush=True)

    def rate(self, way):
        """The best of RATES by the part to choose by; None before all were tried."""
        tried = [r for r in self.rows.find(way=way, seed=self.args.seeds[0], epochs=self.args.epochs) if r["rate"] in RATES[way]]
        return min(tried, key=lambda r: r["validation"])["rate"] if len(tried) == len(RATES[way]) else None

    def run(self):
        divide(self.args.text, self.args.work)
        if not self.rows.find(way="nothing"):
            self.rows.add(way="nothing", **before(self.args))
        for seed in self.args.seeds:
            for way in self.args.ways:
                rates = RATES[way] if seed == self.args.seeds[0] else [self.rate(way)]
                for rate in rates:
                    if rate is not None:
                        self.measure(way, seed, rate)


def print_table(bench):
    print("| trained | parameters | rate | perplexity, test: mean (least to most) | tokens right | TFLOP | CPU s | tensors MiB | seeds |\n|---|---|---|---|---|---|---|---|---|")
    for row in bench.rows.find(way="nothing")[:1]:
        print(f"| nothing | | | {row['perplexity']:.2f} [{row['interval'][0]:.2f}, {row['interval'][1]:.2f}] | {100 * row['accuracy']:.1f} % | | | | |")
    for way in bench.args.ways:
        rate = bench.rate(way)
        found = [r for r in bench.rows.find(way=way, epochs=bench.args.epochs, rate=rate) if r["seed"] in bench.args.seeds]
        if not found:
            continue
        mean = lambda key: statistics.mean(r[key] for r in found)
        values = [r["perplexity"] for r in found]
        print(f"| {way} | {found[0]['trained'] / 1e3:.0f} k | {rate:g} | {mean('perplexity'):.2f} ({min(values):.2f} to {max(values):.2f}) | {100 * mean('accuracy'):.1f} % | "
              f"{mean('flops') / 1e12:.2f} | {mean('cpu_s'):.0f} | {mean('peak_tensor_bytes') / 2**20:.0f} | {len(found)} |")


def main():
    p = options.parser(__doc__, "stories.jsonl", device=True)
    p.add_argument("--text", default=os.path.join(SHARED, "data/tinyshakespeare/input.txt"))
    p.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "graft_bench_shakespeare"), help="folder for the parts of the text")
    p.add_argument("--epochs", type=float, default=3)
    options.add_numbers(p, "--seeds", range(3))
    options.add_some_of(p, "--ways", WAYS)
    args = p.parse_args()
    bench = Bench(args)
    if not args.tables:
        bench.run()
    print_table(bench)
    return 0


if __name__ == "__main__":
    sys.exit(main())
