#!/usr/bin/env python3
"""Writes yolo_loss.safetensors: what Darknet's own yolo layer wants random outputs to become where random objects are.

Run:  .deps/oracles/bin/python tests/golden/darknet/make_yolo_loss.py DARKNET
DARKNET is a checkout of github.com/AlexeyAB/darknet (public domain; made with 59596d7880), whose yolo_layer.c is compiled here with yolo_deltas.c.

Per case "<kind>" (mse, iou, giou, diou, ciou):
  <kind>.maps<k> [3, anchors x (5 + classes), H, W], <kind>.delta<k>: what Darknet adds to the gradient with its sign turned; <kind>.truth [objects, 6]: picture,
  class, x0, y0, x1, y1 in pixels. The third picture has no objects. The metadata entry "info" is JSON with the settings.

What graft does not take over: where boxes do not meet, Darknet goes on with a negative intersection; of diou and ciou it has the derivative of the diagonal by
the centre with the wrong sign (dx_box_iou in box.c), and that of the IoU by the sides without its half. iou and giou by the centre, and mse, are as they should be.
"""
import ctypes
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).resolve().parent
WIDTH, HEIGHT, CLASSES = 96, 64, 3
ANCHORS = [8, 10, 14, 24, 30, 20, 40, 44]
MAPS = [([2, 3], 3, 2), ([0, 1], 6, 4)]  # mask, cells across, cells down
KINDS = ["mse", "iou", "giou", "diou", "ciou"]


def build(darknet, folder):
    sources = [darknet / "src" / f"{name}.c" for name in ("yolo_layer", "box", "activations", "blas", "utils", "list")]
    library = folder / "yolo_deltas.so"
    subprocess.run(["gcc", "-O1", "-w", "-shared", "-fPIC", f"-I{darknet / 'include'}", f"-I{darknet / 'src'}", str(HERE / "yolo_deltas.c"),
                    *map(str, sources), "-o", str(library), "-lm", "-lpthread", "-Wl,--unresolved-symbols=ignore-all"], check=True)
    return ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL | 1)


def pointer(array, kind=ctypes.c_float):
    return array.ctypes.data_as(ctypes.POINTER(kind))


def objects(generator, smallest):
    """Picture, class, then relative centre and sides; two in one place, of different classes, and one at the border."""
    rows = []
    for picture, count in ((0, 6), (1, 3)):
        for _ in range(count):
            w, h = generator.uniform(smallest, 0.6, 2)
            rows.append([picture, generator.integers(CLASSES), generator.uniform(w / 2, 1 - w / 2), generator.uniform(h / 2, 1 - h / 2), w, h])
    rows.append([1, 0, 0.52, 0.3, 0.3, 0.32])
    rows.append([1, 2, 0.53, 0.31, 0.31, 0.31])
    rows.append([0, 1, 0.89, 0.86, 0.22, 0.28])
    return np.array(rows, dtype=np.float32)


def main():
    darknet = pathlib.Path(sys.argv[1])
    golden, info = {}, {"width": WIDTH, "height": HEIGHT, "classes": CLASSES, "anchors": ANCHORS, "masks": [m for m, _, _ in MAPS], "cases": {}}
    with tempfile.TemporaryDirectory() as folder:
        library = build(darknet, pathlib.Path(folder))
        for number, kind in enumerate(KINDS):
            generator = np.random.default_rng(40 + number)
            modern = kind != "mse"
            settings = dict(ignore_thresh=0.2, iou_thresh=0.213 if modern else 1, iou_normalizer=0.07 if modern else 0.75, obj_normalizer=1 if modern else 0.8,
                            cls_normalizer=1, label_smooth_eps=0 if modern else 0.1, scale_x_y=1.1 if kind in ("diou", "ciou") else 1)
            info["cases"][kind] = settings
            rows = objects(generator, 0.2 if modern else 0.05)  # large enough for every box to meet its object
            truth = np.zeros((3, 16, 6), np.float32)
            counts = [0, 0, 0]
            for picture, label, *box in rows:
                truth[int(picture), counts[int(picture)]] = [*box, label, 0]
                counts[int(picture)] += 1
            x, y, w, h = rows[:, 2:].T * np.array([[WIDTH], [HEIGHT], [WIDTH], [HEIGHT]], np.float32)
            golden[f"{kind}.truth"] = np.stack([rows[:, 0], rows[:, 1], x - w / 2, y - h / 2, x + w / 2, y + h / 2], 1)
            for k, (mask, across, down) in enumerate(MAPS):
                maps = generator.normal(0, 1, (3, len(mask) * (5 + CLASSES), down, across)).astype(np.float32)
                boxes = maps.reshape(3, len(mask), 5 + CLASSES, down, across)
                boxes[:, :, 2:4] *= 0.3
                boxes[:, :, 5:] -= 1.2  # some sure of a class, some not
                delta = np.zeros_like(maps)
                library.yolo_deltas(3, across, down, len(mask), len(ANCHORS) // 2, pointer(np.array(mask, np.int32), ctypes.c_int), pointer(np.array(ANCHORS, np.float32)),
                                    CLASSES, 16, pointer(np.array(list(settings.values()), np.float32)), library.kind_of_loss(kind.encode()), WIDTH, HEIGHT,
                                    pointer(maps), pointer(truth), pointer(delta))
                golden[f"{kind}.maps{k}"], golden[f"{kind}.delta{k}"] = maps, delta
                objectness = delta.reshape(3, len(mask), 5 + CLASSES, down, across)[:, :, 4]
                print(kind, k, "found", int((objectness > 0).sum()), "spared", int((objectness == 0).sum()), "empty", int((objectness < 0).sum()))
    save_file(golden, HERE / "yolo_loss.safetensors", metadata={"info": json.dumps(info)})


if __name__ == "__main__":
    main()
