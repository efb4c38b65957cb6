#!/usr/bin/env python3
"""Writes tests/golden/detection/random.json: boxes, true and found, and what pycocotools 2.0.11 and Pascal VOC's own measurement say of them.

Run:  .deps/oracles/bin/python tests/golden/detection/make_detection.py     (the environment of scripts/oracles)

"sets": {name, classes, images: [[id, truth, found]], truth: [class, x, y, w, h, area, crowd], found: [class, x, y, w, h, score], stats: the twelve figures, precision: at each
overlap, each tenth recall and class (objects of every size, 100 boxes a picture), scores: the same of the boxes' scores, recall: at each overlap, class, size and most boxes, per_class: AP of each
class; voc: [[11-point, all-point]] of each class at 0.5}. What is undefined is -1, as pycocotools has it. Pictures stand in an order that is not that of their ids.

VOC is a transcription of VOCevaldet.m and VOCap.m of the development kits (VOC2007 for the eleven points, VOC2012 for all), where a crowd stands for a difficult object; its overlaps
are of continuous boxes, as a box with exclusive borders has them.
"""
import contextlib
import io
import json
import os
import random

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

HERE = os.path.dirname(os.path.abspath(__file__))
rng = random.Random(20262)


# ---- reference implementations ----


def coco_measures(classes, images):
    truth = {"images": [{"id": i} for i, _, _ in images], "categories": [{"id": c + 1, "name": str(c)} for c in range(classes)], "annotations": []}
    found = []
    for image, objects, boxes in images:
        for c, x, y, w, h, area, crowd in objects:
            truth["annotations"].append({"id": len(truth["annotations"]) + 1, "image_id": image, "category_id": c + 1, "bbox": [x, y, w, h], "area": area, "iscrowd": crowd})
        for c, x, y, w, h, score in boxes:
            found.append({"image_id": image, "category_id": c + 1, "bbox": [x, y, w, h], "score": score})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        results = coco.loadRes(found) if found else COCO()
        if not found:
            results.dataset = {"images": truth["images"], "categories": truth["categories"], "annotations": []}
            results.createIndex()
        measure = COCOeval(coco, results, "bbox")
        measure.evaluate()
        measure.accumulate()
        measure.summarize()
    precision = measure.eval["precision"][:, :, :, 0, 2]
    per_class = []
    for c in range(classes):
        defined = precision[:, :, c][precision[:, :, c] > -1]
        per_class.append(float(defined.mean()) if len(defined) else -1.0)
    return {"stats": [float(v) for v in measure.stats], "precision": np.round(precision[:, ::10], 9).tolist(),
            "scores": np.round(measure.eval["scores"][:, ::10, :, 0, 2], 9).tolist(),
            "recall": np.round(measure.eval["recall"], 9).tolist(), "per_class": per_class}


def overlap(a, b, crowd):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    union = a[2] * a[3] if crowd else a[2] * a[3] + b[2] * b[3] - w * h
    return w * h / union


def voc_measures(c, images):
    objects = {image: [o for o in truth if o[0] == c] for image, truth, _ in images}
    taken = {image: [False] * len(o) for image, o in objects.items()}
    positives = sum(1 for o in objects.values() for one in o if not one[6])
    if positives == 0:
        return [-1, -1]
    boxes = [(b[5], image, b) for image, _, found in sorted(images, key=lambda i: i[0]) for b in found if b[0] == c]
    boxes.sort(key=lambda b: -b[0])  # stable
    hits, wrong = [], []
    for _, image, box in boxes:
        best, which = -1.0, None
        for k, truth in enumerate(objects[image]):
            common = overlap(box[1:5], truth[1:5], truth[6])
            if common > best:
                best, which = common, k
        hit = miss = 0
        if best >= 0.5:
            if not objects[image][which][6]:
                if not taken[image][which]:
                    hit, taken[image][which] = 1, True
                else:
                    miss = 1
        else:
            miss = 1
        hits.append(hit)
        wrong.append(miss)
    hits, wrong = np.cumsum(hits), np.cumsum(wrong)
    recall = hits / positives
    with np.errstate(invalid="ignore"):
        precision = np.nan_to_num(hits / (hits + wrong))
    eleven = sum(max([p for p, r in zip(precision, recall) if r >= t / 10], default=0) for t in range(11)) / 11
    mrec = np.concatenate([[0], recall, [1]])
    mpre = np.concatenate([[0], precision, [0]])
    for i in range(len(mpre) - 2, -1, -1):
        mpre[i] = max(mpre[i], mpre[i + 1])
    at = np.nonzero(mrec[1:] != mrec[:-1])[0] + 1
    return [float(eleven), float(((mrec[at] - mrec[at - 1]) * mpre[at]).sum())]


# ---- random sets ----


def scatter(value, share):
    return value + rng.gauss(0, share)


def draw(classes, pictures, most, size=(4, 200), whole=False, crowd=0.0, spread=0.12, extra=2, ties=False, empty=0.2, unused=()):
    """Pictures of up to `most` objects; boxes that are found lie near them, twice, beside them, or nowhere."""
    number = (lambda v: float(round(v))) if whole else (lambda v: round(v, 2))
    usable = [c for c in range(classes) if c not in unused]
    images = []
    for image in rng.sample(range(1, 10 * pictures), pictures):
        truth, found = [], []
        for _ in range(0 if rng.random() < empty else rng.randint(1, most)):
            w, h = (max(1.0, number(rng.uniform(*size))) for _ in range(2))
            x, y = number(rng.uniform(0, 400)), number(rng.uniform(0, 300))
            area = w * h * rng.choice([1, 1, 0.6])
            truth.append([rng.choice(usable), x, y, w, h, round(area, 3), int(rng.random() < crowd)])
        for c, x, y, w, h, _, is_crowd in truth:
            for _ in range(rng.randint(0, 6 if is_crowd else 3)):
                label = c if rng.random() < 0.85 else rng.randrange(classes)
                inside = 0.5 if is_crowd else 1
                box = [number(scatter(x, spread * w)), number(scatter(y, spread * h)), max(0.0, number(scatter(w * inside, spread * w))), max(0.0, number(scatter(h * inside, spread * h)))]
                found.append([label] + box)
        for _ in range(rng.randint(0, extra)):
            found.append([rng.randrange(classes), number(rng.uniform(0, 400)), number(rng.uniform(0, 300)), number(rng.uniform(*size)), number(rng.uniform(*size))])
        rng.shuffle(found)
        for box in found:
            box.append(rng.choice([0.1, 0.3, 0.5, 0.7, 0.9]) if ties else round(rng.random(), 6))
        images.append([image, truth, found])
    return classes, images


def crowded():
    """More boxes of one class in a picture than are looked at; the good ones are not the best-scored."""
    images = []
    for image in (7, 3):
        truth = [[0, 20.0 * k, 10.0, 15.0, 15.0, 225.0, 0] for k in range(12)]
        found = [[0, 20.0 * k + 1, 10.0, 15.0, 15.0, round(0.3 + 0.05 * k, 3)] for k in range(12)]
        found += [[0, float(rng.randint(0, 300)), 100.0, 20.0, 20.0, round(rng.uniform(0.2, 0.9), 6)] for _ in range(140)]
        images.append([image, truth, found])
    return 1, images


def borders():
    """Areas at and beside the borders of the size classes, as the file says and of the boxes found; overlaps of exactly 0.5 and 0.75."""
    truth, found = [], []
    for k, (w, h, area) in enumerate([(32, 32, 1024), (32, 32, 1023.99), (32, 32, 1024.01), (96, 96, 9216), (96, 96, 9216.5), (96, 96, 9215.5), (40, 40, 900), (20, 20, 5000)]):
        truth.append([0, 150.0 * k, 0.0, float(w), float(h), area, 0])
        found.append([0, 150.0 * k, 0.0, float(w), float(h), round(0.9 - 0.05 * k, 2)])
        found.append([0, 150.0 * k, 200.0, float(w), float(h), round(0.89 - 0.05 * k, 2)])
    exact = [[1, 0.0, 0.0, 10.0, 10.0, 100.0, 0], [1, 100.0, 0.0, 10.0, 10.0, 100.0, 0], [1, 200.0, 0.0, 8.0, 8.0, 64.0, 0]]
    near = [[1, 0.0, 0.0, 10.0, 5.0, 0.8], [1, 100.0, 0.0, 10.0, 7.5, 0.7], [1, 200.0, 0.0, 8.0, 6.0, 0.6], [1, 200.0, 0.0, 8.0, 6.0, 0.6]]
    return 2, [[5, truth + exact, found + near]]


sets = []
for name, (classes, images) in {
    "boxes of all sizes": draw(4, 40, 8),
    "whole numbers": draw(3, 40, 6, whole=True),
    "crowds": draw(3, 40, 5, crowd=0.3, spread=0.08),
    "equal scores": draw(3, 60, 5, ties=True, whole=True),
    "classes without objects": draw(6, 30, 4, unused=(0, 3, 5)),
    "pictures without objects": draw(2, 40, 3, empty=0.7, extra=5),
    "small objects": draw(2, 30, 6, size=(4, 40)),
    "crowds only": draw(1, 12, 3, crowd=1.0),
    "overlapping objects": draw(2, 30, 14, size=(80, 160), spread=0.05),
    "more than a hundred": crowded(),
    "borders": borders(),
    "nothing found": (2, [[1, [[0, 1.0, 1.0, 40.0, 40.0, 1600.0, 0]], []], [2, [], []]]),
    "nothing there": (2, [[1, [], [[0, 1.0, 1.0, 40.0, 40.0, 0.5]]]]),
}.items():
    one = {"name": name, "classes": classes, "images": images}
    one.update(coco_measures(classes, images))
    one["voc"] = [voc_measures(c, images) for c in range(classes)]
    sets.append(one)
with open(os.path.join(HERE, "random.json"), "w") as file:
    json.dump({"versions": {"pycocotools": "2.0.11"}, "sets": sets}, file, separators=(",", ":"))
    file.write("\n")
