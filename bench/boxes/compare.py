#!/usr/bin/env python3
"""Pictures with boxes, decoded, scaled, flipped, recoloured and normalised to 640 x 640, a second and core: graft beside Albumentations and a Pillow pipeline like torchvision's.

  bench/boxes/compare.py [--rounds 5] [--seconds 5] [--program build/release/bench/prepare_boxes] [--python .deps/oracles/bin/python] [--data ../shared/data/coco128-subset/…json]

Sides take turns in each round; the table has medians and the ratio's spread over rounds. `pip install albumentations` into the environment of scripts/oracles for its column.
"""
import argparse
import glob
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from intervals import spread  # noqa: E402
from rows import ORACLES, ROOT, SHARED  # noqa: E402

AUGMENT = "[{scale_jitter: {scale: [0.5, 1.5]}}, horizontal_flip, color_jitter]"


def speed(command):
    line = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().splitlines()[-1])
    return line["pictures"] / line["seconds"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=5)
    p.add_argument("--program", default=os.path.join(ROOT, "build/release/bench/prepare_boxes"))
    p.add_argument("--python", default=ORACLES)
    p.add_argument("--data", default=next(iter(sorted(glob.glob(os.path.join(SHARED, "data/coco128-subset/**/*.json"), recursive=True))), None))
    args = p.parse_args()
    peer = lambda tool: [args.python, os.path.join(HERE, "peer.py"), args.data, "--tool", tool, "--seconds", str(args.seconds)]
    sides = {"graft": [args.program, args.data, "--augment", AUGMENT, "--seconds", str(args.seconds)], "pillow": peer("pillow")}
    if subprocess.run([args.python, "-c", "import albumentations"], capture_output=True).returncode == 0:
        sides["albumentations"] = peer("albumentations")
    rounds = [{name: speed(command) for name, command in sides.items()} for _ in range(args.rounds)]
    print("| | images a second and core | graft against it |\n|---|---|---|")
    for name in sides:
        ratio = "" if name == "graft" else spread([r["graft"] / r[name] for r in rounds])
        print(f"| {name} | {statistics.median(r[name] for r in rounds):.0f} | {ratio} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
