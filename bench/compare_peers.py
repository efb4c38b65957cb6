#!/usr/bin/env python3
"""Training steps of graft beside transformers and peft; prints the tables of docs/evidence.md, section 1.

  compare_peers.py [--minutes N] [--ours build/release/bench/train_step] [--python .deps/oracles/bin/python] [--results bench/results/peers.jsonl] [--only vit_b16:head,...]
                   [--texts | --detectors] [--dtype float32|bfloat16] [--device cpu|cuda] [--threads 2] [--rounds 5] [--steps 4] [--warmup 2] [--tables]

A round of a cell (model, mode, dtype) is one process of each side, one after the other: graft, theirs, graft, theirs … Both read the same random checkpoint. Before the first round every
setting that they offer (channels-last or not, fused AdamW or not; bfloat16 by autocast or pure) is tried once, and the fastest is "theirs". For ViT-B/16 and the Llama the matrix products that a step
needs are timed alone in every round. Rounds are appended to the results file and not repeated. Ratios are of medians over all steps; their intervals are bootstrapped over rounds and steps.
"""
import itertools
import json
import os
import statistics
import subprocess
import sys

import options
from intervals import ratio_of_medians
from rows import ORACLES, ROOT, Clock, Rows

PEER = os.path.join(ROOT, "bench/peers/train_step.py")
BATCH = {"vit_b16": 8, "resnet50": 8, "mobilenet_v2_0.35": 32, "bert_base": 16, "llama_135m": 4, "yolos_tiny": 4, "rt_detr_v2_r18": 2}
TEXTS = ("bert_base", "llama_135m")
ROOFED = ("vit_b16", "llama_135m")  # whose products train_step --roof knows
DETECTORS = ("yolos_tiny", "rt_detr_v2_r18")
MODES = ["full", "head", "lora"]
# The step ratio's upper end that is asked for, and the ratio of peak memory.
ASKED = {("vit_b16", "full", "float32"): 0.95, ("vit_b16", "head", "float32"): 1.0, ("vit_b16", "lora", "float32"): 0.95,
         **{("resnet50", mode, "float32"): 0.9 for mode in MODES}, **{("mobilenet_v2_0.35", mode, "float32"): 0.65 for mode in MODES},
         **{(model, mode, "float32"): 0.95 for model in TEXTS for mode in MODES},
         ("bert_base", "full", "bfloat16"): 0.8, ("bert_base", "head", "bfloat16"): 0.55, ("bert_base", "lora", "bfloat16"): 0.8,
         ("llama_135m", "full", "bfloat16"): 0.75, ("llama_135m", "lora", "bfloat16"): 0.6}
ASKED.update({(model, "full", "float32"): 0.85 for model in DETECTORS})
ASKED_PEAK = {(model, "lora", dtype): 0.6 for model in TEXTS for dtype in ("float32", "bfloat16")}
ASKED_PEAK.update({(model, "full", "float32"): 0.7 for model in DETECTORS})
NAMES = {"vit_b16": "ViT-B/16", "resnet50": "ResNet-50", "mobilenet_v2_0.35": "MobileNetV2-0.35", "bert_base": "BERT-base, 128 tokens", "llama_135m": "Llama of SmolLM2-135M's shape, 256 tokens",
         "yolos_tiny": "YOLOS of the tiny shape, 320", "rt_detr_v2_r18": "RT-DETR v2 R18, 320"}


def launch(command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


class Bench:
    def __init__(self, args):
        self.args, self.clock, self.rows = args, Clock(args.minutes), Rows(args.results)

    def find(self, cell, kind):
        return self.rows.find(cell=list(cell), kind=kind)

    def common(self, cell):
        model, mode, dtype = cell
        folder = os.path.join(self.args.checkpoints, model)
        if not os.path.exists(os.path.join(folder, "model.safetensors")):
            subprocess.run([self.args.python, PEER, "--model", model, "--batch", "16", "--make-checkpoint", folder], check=True)
        return ["--model", model, "--mode", mode, "--dtype", dtype, "--batch", BATCH[model], "--threads", self.args.threads, "--device", self.args.device, "--checkpoint", folder, *(["--image-size", 320] if model in DETECTORS else [])]

    def settings(self, cell):
        layouts = [[], ["--channels-last"]] if cell[0] not in ("vit_b16", "yolos_tiny", *TEXTS) else [[]]
        kinds = [[]] if cell[2] == "float32" else [["--bfloat16", "autocast"], ["--bfloat16", "pure"]]
        fused = [[], ["--fused"]] if cell[1] == "full" else [["--fused"]]
        return [sum(parts, []) for parts in itertools.product(layouts, kinds, fused)]

    def probe(self, cell):
        tried = {tuple(r["setting"]): r for r in self.find(cell, "probe")}
        for setting in self.settings(cell):
            if tuple(setting) in tried or self.clock.over():
                continue
            line = launch([self.args.python, PEER, *self.common(cell), "--steps", 2, *setting])
            self.rows.add(cell=cell, kind="probe", setting=setting, step_s=min(line["steps_s"]))
        tried = self.find(cell, "probe")
        return min(tried, key=lambda r: r["step_s"])["setting"] if len(tried) == len(self.settings(cell)) else None

    def round(self, cell, setting):
        common = self.common(cell) + ["--steps", self.args.steps, "--warmup", self.args.warmup]
        value = {"ours": launch([self.args.ours, *common]), "theirs": launch([self.args.python, PEER, *common, *setting]), "setting": setting}
        if cell[0] in ROOFED and self.args.device == "cpu":
            value["products"] = launch([self.args.ours, *common, "--roof"])
        if cell[1] == "full" and cell[0] not in ("vit_b16", *TEXTS, *DETECTORS):
            value["frozen"] = launch([self.args.ours, *common, "--batch-norm", "frozen"])
        self.rows.add(cell=cell, kind="round", **value)

    def run(self, cells):
        for turn in range(self.args.rounds):
            for cell in cells:
                if self.clock.over():
                    return
                setting = self.probe(cell)
                if setting is not None and len(self.find(cell, "round")) <= turn:
                    self.round(cell, setting)
                    print(f"round {turn + 1}: {' '.join(cell)}", file=sys.stderr, flush=True)


def ratio_interval(rounds, top, bottom):
    return ratio_of_medians([(r[top]["steps_s"], r[bottom]["steps_s"]) for r in rounds])


def middle(rounds, side, field):
    return statistics.median(r[side][field] for r in rounds)


def verdict(value, asked):
    return "" if asked is None else f" (asked {asked}{'' if value <= asked else ', not met'})"


def minutes_left(bench, cells):
    """What the rounds that are still to be run will take, by those that were; None before there is one of each cell."""
    seconds = 0
    for cell in cells:
        rounds = bench.find(cell, "round")
        if not rounds:
            return None
        lines = [value for value in rounds[-1].values() if isinstance(value, dict) and "steps_s" in value]
        once = sum(line.get("start_s", 1) + sum(line.get("warmup_s", [])) + sum(line["steps_s"]) for line in lines)
        seconds += max(0, bench.args.rounds - len(rounds)) * once
    return seconds / 60


def print_tables(bench, cells):
    print("| model, batch, dtype | what trains | graft ms | theirs ms | theirs | samples/s graft / theirs | step ratio [95 %] | CPU ratio | peak MB graft / theirs | rise MB | start s | start ratio | rounds |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    roofs, frozen = [], []
    asked, asked_peak = (ASKED, ASKED_PEAK) if bench.args.device == "cpu" else ({}, {})
    for cell in cells:
        rounds = bench.find(cell, "round")
        if not rounds:
            continue
        model, mode, dtype = cell
        value, low, high = ratio_interval(rounds, "ours", "theirs")
        a, b = ([statistics.median(itertools.chain.from_iterable(r[s]["steps_s"] for r in rounds)) for s in ("ours", "theirs")])
        # On a GPU what tensors take there; else the process.
        peak = [middle(rounds, s, "peak_rss_kib" if bench.args.device == "cpu" else "step_peak_tensor_kib") / 1024 for s in ("ours", "theirs")]
        rise = [statistics.median(r[s]["peak_rss_kib"] - r[s]["rss_before_kib"] for r in rounds) / 1024 for s in ("ours", "theirs")]
        start = [middle(rounds, s, "start_s") for s in ("ours", "theirs")]
        cpu = middle(rounds, "ours", "step_cpu_s") / middle(rounds, "theirs", "step_cpu_s")
        memory = peak[0] / peak[1]
        print(f"| {NAMES[model]}, {BATCH[model]}, {dtype} | {mode} | {1e3 * a:.0f} | {1e3 * b:.0f} | {' '.join(rounds[0]['setting']) or 'defaults'} | {BATCH[model] / a:.1f} / {BATCH[model] / b:.1f} | "
              f"{value:.2f} [{low:.2f}, {high:.2f}]{verdict(high, asked.get(cell))} | {cpu:.2f} | {peak[0]:.0f} / {peak[1]:.0f} ({memory:.2f}){verdict(memory, asked_peak.get(cell))} | "
              f"{rise[0]:.0f} / {rise[1]:.0f} | {start[0]:.2f} / {start[1]:.2f} | {start[0] / start[1]:.2f} | {len(rounds)} |")
        if "products" in rounds[0]:
            roofs.append((cell, ratio_interval(rounds, "ours", "products")))
        if "frozen" in rounds[0]:
            frozen.append((cell, ratio_interval(rounds, "frozen", "theirs")))
    for cell, (value, low, high) in roofs:
        print(f"\n{NAMES[cell[0]]} {cell[1]}, {cell[2]}: a step takes {value:.2f} [{low:.2f}, {high:.2f}] of the products that it needs, timed alone in the same rounds.")
    for cell, (value, low, high) in frozen:
        print(f"\n{NAMES[cell[0]]} {cell[1]}, {cell[2]}, batch norms frozen (graft's default on small data; theirs trains them): step ratio {value:.2f} [{low:.2f}, {high:.2f}].")


def main():
    p = options.parser(__doc__, "peers.jsonl", graft=False, device=True)
    p.add_argument("--ours", default=os.path.join(ROOT, "build/release/bench/train_step"))
    p.add_argument("--python", default=ORACLES)
    p.add_argument("--checkpoints", default="/tmp/graft_bench_checkpoints")
    p.add_argument("--only", help="model:mode, separated by commas")
    p.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    p.add_argument("--texts", action="store_true", help="language models instead of image classifiers")
    p.add_argument("--detectors", action="store_true", help="detectors, whole, instead of image classifiers")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--steps", type=int, default=4)
    p.add_argument("--warmup", type=int, default=2, help="steps that are not counted: the second one still meets memory that nobody has touched, on both sides")
    args = p.parse_args()
    kind = lambda model: "texts" if model in TEXTS else "detectors" if model in DETECTORS else "images"
    wanted = "texts" if args.texts else "detectors" if args.detectors else "images"
    cells = [(model, mode, args.dtype) for model in BATCH for mode in (["full"] if wanted == "detectors" else MODES) if kind(model) == wanted]
    if args.only:
        cells = [(*name.split(":"), args.dtype) for name in args.only.split(",")]
    bench = Bench(args)
    if not args.tables:
        bench.run(cells)
    print_tables(bench, cells)
    left = minutes_left(bench, cells)
    if left:
        print(f"{args.rounds} rounds of every cell need about {left:.0f} minutes more", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
