#!/usr/bin/env python3
"""Writes tests/golden/detection/yolo_fastest.json: what YOLO-Fastest (read by OpenCV) finds in the pictures of coco128-subset, in COCO's results format, and yolo_fastest_scores.json:
what pycocotools 2.0.11 says of it.

Run:  .deps/oracles/bin/python tests/golden/detection/make_real.py     (the environment of scripts/oracles; weights and pictures of ../shared)
"""
import contextlib
import io
import json
import os

import cv2
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED = os.path.join(HERE, "../../../../shared")
WEIGHTS = os.path.join(SHARED, "weights/yolo-fastest-1.1-coco")
DATA = os.path.join(SHARED, "data/coco128-subset")
SCORE, OVERLAP = 0.02, 0.45

net = cv2.dnn.readNetFromDarknet(f"{WEIGHTS}/yolo-fastest-1.1.cfg", f"{WEIGHTS}/yolo-fastest-1.1.weights")
with contextlib.redirect_stdout(io.StringIO()):
    coco = COCO(os.path.join(DATA, "annotations/instances_train2017.json"))
ids = sorted(coco.getCatIds())

results = []
for image in coco.loadImgs(sorted(coco.getImgIds())):
    picture = cv2.imread(os.path.join(DATA, "images/train2017", os.path.basename(image["file_name"])))
    height, width = picture.shape[:2]
    net.setInput(cv2.dnn.blobFromImage(picture, 1 / 255, (320, 320), swapRB=True, crop=False))
    rows = np.concatenate(net.forward(net.getUnconnectedOutLayersNames()))
    for label, category in enumerate(ids):
        keep = rows[:, 5 + label] >= SCORE
        boxes = [[float((cx - w / 2) * width), float((cy - h / 2) * height), float(w * width), float(h * height)] for cx, cy, w, h in rows[keep, :4]]
        scores = [float(s) for s in rows[keep, 5 + label]]
        for i in np.array(cv2.dnn.NMSBoxes(boxes, scores, SCORE, OVERLAP)).flatten():
            results.append({"image_id": image["id"], "category_id": category, "bbox": [round(v, 1) for v in boxes[i]], "score": round(scores[i], 4)})
with open(os.path.join(HERE, "yolo_fastest.json"), "w") as file:
    file.write("[" + ",\n".join(json.dumps(r, separators=(",", ":")) for r in results) + "]\n")

with contextlib.redirect_stdout(io.StringIO()):
    measure = COCOeval(coco, coco.loadRes(os.path.join(HERE, "yolo_fastest.json")), "bbox")
    measure.evaluate()
    measure.accumulate()
    measure.summarize()
precision = measure.eval["precision"][:, :, :, 0, 2]
names = {c["id"]: c["name"] for c in coco.loadCats(ids)}
per_class = {names[i]: float(precision[:, :, k].mean()) for k, i in enumerate(ids) if (precision[:, :, k] > -1).all()}
with open(os.path.join(HERE, "yolo_fastest_scores.json"), "w") as file:
    json.dump({"versions": {"pycocotools": "2.0.11", "opencv": cv2.__version__}, "boxes": len(results), "stats": [float(v) for v in measure.stats], "per_class": per_class}, file, indent=1)
    file.write("\n")
print(len(results), "boxes", [round(float(v), 4) for v in measure.stats])
