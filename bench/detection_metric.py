#!/usr/bin/env python3
"""COCO's figures of made-up boxes: `graft eval predictions=… data=…` beside pycocotools, both from the two files to the twelve figures, in turns. Prints a table; fails where a
figure differs by 1e-6 or graft is less than five times as fast.

  detection_metric.py [--minutes 10] [--images 5000] [--boxes 100] [--results FILE]      (python3; theirs runs in .deps/oracles)

The size is that of COCO's val2017: 80 classes, 7 objects and `--boxes` boxes a picture. Times are of whole processes, for theirs also without Python's start and imports.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

from graft_run import call
from intervals import ratio_of_medians
from rows import GRAFT, ORACLES, RESULTS, Clock, Rows

FIGURES = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]
CLASSES, OBJECTS = 80, 7
THEIRS = """
import contextlib, io, json, sys, time
begin = time.perf_counter()
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
imported = time.perf_counter()
with contextlib.redirect_stdout(io.StringIO()):
    truth = COCO(sys.argv[1])
    measure = COCOeval(truth, truth.loadRes(sys.argv[2]), "bbox")
    measure.evaluate(); measure.accumulate(); measure.summarize()
print(json.dumps({"stats": list(measure.stats), "seconds": time.perf_counter() - imported}))
"""


def make(folder, images, boxes):
    """Two files: objects, and boxes of which some lie on them."""
    rng = random.Random(1)
    truth = {"images": [], "categories": [{"id": c + 1, "name": f"class {c}"} for c in range(CLASSES)], "annotations": []}
    found = []
    for image in range(1, images + 1):
        truth["images"].append({"id": image, "file_name": f"{image}.jpg", "width": 640, "height": 480})
        objects = []
        for _ in range(rng.randint(0, 2 * OBJECTS)):
            w, h = rng.uniform(8, 250), rng.uniform(8, 200)
            one = {"id": len(truth["annotations"]) + 1, "image_id": image, "category_id": rng.randint(1, CLASSES),
                   "bbox": [round(rng.uniform(0, 640 - w), 2), round(rng.uniform(0, 480 - h), 2), round(w, 2), round(h, 2)],
                   "area": round(0.7 * w * h, 2), "iscrowd": int(rng.random() < 0.02)}
            objects.append(one)
            truth["annotations"].append(one)
        for k in range(boxes):
            if k < 2 * len(objects):
                near = objects[k // 2]
                box = [round(v * rng.gauss(1, 0.1), 2) for v in near["bbox"]]
                label = near["category_id"] if rng.random() < 0.8 else rng.randint(1, CLASSES)
            else:
                box = [round(rng.uniform(0, 500), 2), round(rng.uniform(0, 400), 2), round(rng.uniform(8, 200), 2), round(rng.uniform(8, 200), 2)]
                label = rng.randint(1, CLASSES)
            found.append({"image_id": image, "category_id": label, "bbox": [max(0.0, v) for v in box], "score": round(rng.random(), 5)})
    paths = [os.path.join(folder, name) for name in ("instances.json", "results.json")]
    for path, content in zip(paths, (truth, found)):
        with open(path, "w") as file:
            json.dump(content, file)
    return paths


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--boxes", type=int, default=100)
    parser.add_argument("--graft", default=GRAFT)
    parser.add_argument("--results", default=os.path.join(RESULTS, "detection_metric.jsonl"))
    arguments = parser.parse_args()
    rows = Rows(arguments.results)
    size = {"images": arguments.images, "boxes": arguments.boxes}
    with tempfile.TemporaryDirectory(prefix="graft_bench_") as folder:
        truth, found = make(folder, arguments.images, arguments.boxes)
        clock = Clock(arguments.minutes)
        while not clock.over() and len(rows.find(**size)) < 5:
            begin = time.perf_counter()
            ours = json.loads(call(arguments.graft, "eval", f"predictions={found}", f"data={truth}", "--json"))["metrics"]
            middle = time.perf_counter()
            theirs = json.loads(subprocess.run([ORACLES, "-c", THEIRS, truth, found], capture_output=True, text=True, check=True).stdout)
            end = time.perf_counter()
            worst = max(abs((ours[name] if ours[name] is not None else -1) - value) for name, value in zip(FIGURES, theirs["stats"]))
            rows.add(**size, ours_s=middle - begin, theirs_s=end - middle, theirs_without_imports_s=theirs["seconds"], worst_difference=worst)
    done = rows.find(**size)
    if not done:
        sys.exit("no time for a round")
    print("| pictures | boxes | graft, s | pycocotools, s | without imports, s | theirs / ours | largest difference |\n|---|---|---|---|---|---|---|")
    ratio, low, high = ratio_of_medians([([r["theirs_without_imports_s"]], [r["ours_s"]]) for r in done])
    median = lambda key: statistics.median(r[key] for r in done)
    worst = max(r["worst_difference"] for r in done)
    print(f"| {arguments.images:,} | {arguments.images * arguments.boxes:,} | {median('ours_s'):.2f} | {median('theirs_s'):.2f} | {median('theirs_without_imports_s'):.2f} "
          f"| {ratio:.1f} [{low:.1f}, {high:.1f}] | {worst:.1e} |")
    if worst > 1e-6:
        sys.exit(f"a figure differs by {worst}")
    if low < 5:
        sys.exit("graft is less than five times as fast")


if __name__ == "__main__":
    main()
