"""One `graft train`, and what it left behind. Standard library only."""
import contextlib
import json
import os
import subprocess
import tempfile
import time


def precision(device="cpu"):
    """What graft's plan takes for all but the smallest models: bfloat16 where the processor multiplies it (cpu_has_bfloat16 of graft/tensor/device.h), as GPUs do."""
    if device == "cuda":
        return "bfloat16"
    with open("/proc/cpuinfo") as f:
        return "bfloat16" if "avx512_bf16" in f.read() else "float32"


def call(graft, *words):
    """What the program prints to standard output; RuntimeError with its message when it fails."""
    done = subprocess.run([graft, *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{graft} {' '.join(words)}\n{done.stderr.strip()[-2000:]}")
    return done.stdout


class Run:
    """A run folder (docs/run_folder.md) and the seconds from the launch of the program to its exit."""

    def __init__(self, folder, seconds):
        self.folder, self.seconds = folder, seconds
        with open(os.path.join(folder, "summary.json")) as f:
            self.summary = json.load(f)

    def lines(self, name):
        with open(os.path.join(self.folder, name)) as f:
            return [json.loads(line) for line in f]

    def right(self):
        """{sample of the test split: whether its class was found}"""
        return {p["input"]: int(p["label"] == p["predicted"]) for p in self.lines("predictions.jsonl")}


@contextlib.contextmanager
def trained(graft, words):
    """`graft train` with these words, into a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="graft_bench_") as scratch:
        folder = os.path.join(scratch, "run")
        begin = time.perf_counter()
        call(graft, "train", *words, f"output={folder}")
        yield Run(folder, time.perf_counter() - begin)
