#!/usr/bin/env python3
"""Writes the golden numbers of tests/golden/darknet/: small random networks of the kinds that Darknet's detectors are, and what OpenCV finds with real ones.

Run:  .deps/oracles/bin/python tests/golden/darknet/make_darknet.py [--shared DIR]
Needs torch, safetensors and opencv-python-headless as scripts/oracles.txt pins them; detections also ../shared.

<name>.cfg is kept by hand. For each the script writes
  <name>.weights       random numbers, as Darknet would write them
  <name>.safetensors   pixels [2,3,H,W] uint8 (the network reads them / 255); maps<k>: what the k-th yolo layer reads; grad.<graft's name of the tensor>: of
                       the sum over maps of (map * cos(position)).sum(), float32 from a double precision pass
The numbers come from reference.py; where OpenCV can read the network (all but odd.cfg, which has what only Darknet has) its maps must agree.

resize.safetensors: in<k> [h,w,3] and out<k> [H,W,3], cv2.resize with INTER_LINEAR on random pictures.

detections.json: what cv2.dnn finds with YOLO-Fastest 1.1 in the validation pictures of coco128-subset: picture → [label, score, x0, y0, x1, y1], best first,
scores above 0.2, greedy NMS by class at IoU 0.45 (cv2.dnn.NMSBoxes; the one within OpenCV's yolo layer is off), boxes cut at the picture's borders.
"""
import argparse
import json
import pathlib
import tempfile

import cv2
import numpy as np
import torch
from safetensors.numpy import save_file

from reference import Network, random_fill

HERE = pathlib.Path(__file__).resolve().parent
SCORE, IOU = 0.2, 0.45
ONLY_DARKNET = {"odd"}


def make_network(name, seed):
    text = (HERE / f"{name}.cfg").read_text()
    network = Network(text, random_fill(seed))
    network.write(HERE / f"{name}.weights")
    height, width = int(network.net["height"]), int(network.net["width"])
    pixels = np.random.default_rng(seed + 1).integers(0, 256, (2, 3, height, width), dtype=np.uint8)
    maps = network.maps(torch.tensor(pixels, dtype=torch.float64) / 255)
    loss = sum((m * torch.cos(torch.arange(m.numel(), dtype=torch.float64)).view_as(m)).sum() for m in maps)
    trained = {k: v for k, v in network.tensors.items() if v.requires_grad}
    grads = torch.autograd.grad(loss, list(trained.values()))
    golden = {"pixels": pixels}
    golden |= {f"maps{k}": m.detach().float().numpy() for k, m in enumerate(maps)}
    golden |= {f"grad.{k}": g.float().numpy() for k, g in zip(trained, grads)}
    save_file(golden, HERE / f"{name}.safetensors")
    if name not in ONLY_DARKNET:
        compare(name, network, pixels, maps)
    print(name, [tuple(m.shape) for m in maps], sum(v.numel() for v in network.tensors.values()), "weights")


def compare(name, network, pixels, maps):
    reader = cv2.dnn.readNetFromDarknet(str(HERE / f"{name}.cfg"), str(HERE / f"{name}.weights"))
    reader.setInput(pixels.astype(np.float32) / 255)
    heads = [i - 1 for i, layer in enumerate(network.layers) if layer["kind"] == "yolo"]
    for its, ours in zip(reader.forward([f"conv_{i}" for i in heads]), maps):
        difference = np.abs(its - ours.detach().numpy()).max()
        assert difference < 1e-4, (name, difference)


def make_resize():
    generator = np.random.default_rng(5)
    golden = {}
    sizes = [(13, 17, 5, 7), (9, 31, 40, 12), (24, 32, 12, 16), (1, 1, 3, 4), (50, 3, 7, 11), (20, 20, 33, 33)]
    for k, (height, width, to_height, to_width) in enumerate(sizes):
        picture = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        golden[f"in{k}"] = picture
        golden[f"out{k}"] = cv2.resize(picture, (to_width, to_height), interpolation=cv2.INTER_LINEAR)
    save_file(golden, HERE / "resize.safetensors")


def detect(reader, picture, size):
    height, width = picture.shape[:2]
    reader.setInput(cv2.dnn.blobFromImage(picture, 1 / 255, size, swapRB=True, crop=False))
    rows = np.concatenate(reader.forward(reader.getUnconnectedOutLayersNames()))
    found = []
    for label in range(rows.shape[1] - 5):
        scores = rows[:, 5 + label]
        chosen = np.where(scores > SCORE)[0]
        sides = rows[chosen, :4] * [width, height, width, height]
        corners = np.stack([sides[:, 0] - sides[:, 2] / 2, sides[:, 1] - sides[:, 3] / 2], 1)
        boxes = np.concatenate([corners, sides[:, 2:]], 1).tolist()
        for k in cv2.dnn.NMSBoxes(boxes, scores[chosen].tolist(), SCORE, IOU):
            x, y, w, h = boxes[k]
            box = [max(x, 0), max(y, 0), min(x + w, width), min(y + h, height)]
            found.append([label, round(float(scores[chosen][k]), 5)] + [round(v, 2) for v in box])
    return sorted(found, key=lambda one: -one[1])


def make_detections(shared):
    folder = shared / "weights" / "yolo-fastest-1.1-coco"
    pictures = sorted((shared / "data" / "coco128-subset" / "images" / "val2017").glob("*.jpg"))
    result = {"opencv": cv2.__version__, "score": SCORE, "iou": IOU}
    for name in ("yolo-fastest-1.1", "yolo-fastest-1.1-xl"):
        text = (folder / f"{name}.cfg").read_text()
        with tempfile.NamedTemporaryFile("w", suffix=".cfg") as cfg:
            cfg.write(text.replace("[yolo]", "[yolo]\nthresh=0.001\nnms_threshold=0"))
            cfg.flush()
            reader = cv2.dnn.readNetFromDarknet(cfg.name, str(folder / f"{name}.weights"))
        result[name] = {p.name: detect(reader, cv2.imread(str(p)), (320, 320)) for p in pictures}
        print(name, sum(map(len, result[name].values())), "detections in", len(pictures), "pictures")
    text = json.dumps(result, indent=1)
    # One detection a line.
    lines, inner = [], 0
    for line in text.splitlines():
        if inner:
            lines[-1] += line.strip() + (" " if line.strip().endswith(",") and not line.strip().endswith("],") else "")
            inner = 0 if line.strip() in ("]", "],") else 1
        elif line.strip() == "[":
            lines.append(line)
            inner = 1
        else:
            lines.append(line)
    (HERE / "detections.json").write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=pathlib.Path, default=HERE.parents[3] / "shared", help="the shared folder; without it detections stay as they are")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for seed, name in enumerate(("tiny", "v4", "fastest", "odd")):
        make_network(name, 100 + seed)
    make_resize()
    if given.shared.exists():
        make_detections(given.shared)


if __name__ == "__main__":
    main()
