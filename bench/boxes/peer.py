"""Pictures with boxes prepared in one thread by Albumentations (OpenCV) or by Pillow in the way of torchvision's transforms; see compare.py. Prints one JSON line."""
import argparse
import io
import json
import os
import random
import time

import numpy as np

p = argparse.ArgumentParser()
p.add_argument("data")
p.add_argument("--tool", choices=("albumentations", "pillow"), required=True)
p.add_argument("--side", type=int, default=640)
p.add_argument("--seconds", type=float, default=5)
args = p.parse_args()
os.environ["OMP_NUM_THREADS"] = "1"
with open(args.data) as f:
    coco = json.load(f)
root = os.path.dirname(os.path.dirname(os.path.abspath(args.data)))  # pictures lie beside the folder of annotations
boxes = {image["id"]: [] for image in coco["images"]}
for one in coco["annotations"]:
    x, y, w, h = one["bbox"]
    if w > 1 and h > 1:
        boxes[one["image_id"]].append([x, y, x + w, y + h])
found = {}
for folder, _, names in os.walk(root):
    for name in names:
        found[name] = os.path.join(folder, name)
samples = [(found[os.path.basename(i["file_name"])], np.array(boxes[i["id"]], dtype=np.float32).reshape(-1, 4)) for i in coco["images"] if os.path.basename(i["file_name"]) in found]
side = args.side

if args.tool == "albumentations":
    import albumentations as A
    import cv2

    cv2.setNumThreads(1)
    steps = A.Compose([A.LongestMaxSize(side), A.RandomScale(scale_limit=(-0.5, 0.5), p=1), A.PadIfNeeded(side, side, border_mode=cv2.BORDER_CONSTANT), A.RandomCrop(side, side), A.HorizontalFlip(p=0.5),
                       A.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0, p=1), A.Normalize()], bbox_params=A.BboxParams(format="pascal_voc", label_fields=["labels"], clip=True, filter_invalid_bboxes=True))

    def prepare(file, b):
        image = cv2.cvtColor(cv2.imread(file), cv2.COLOR_BGR2RGB)
        out = steps(image=image, bboxes=b, labels=np.zeros(len(b)))
        return np.ascontiguousarray(out["image"].transpose(2, 0, 1))
else:
    from PIL import Image, ImageEnhance, ImageOps

    mean, std = np.array([0.485, 0.456, 0.406], dtype=np.float32), np.array([0.229, 0.224, 0.225], dtype=np.float32)

    def prepare(file, b):
        image = Image.open(file).convert("RGB")
        scale = min(side / image.width, side / image.height) * random.uniform(0.5, 1.5)
        w, h = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        image = image.resize((w, h), Image.BILINEAR)
        x, y = random.randint(min(0, side - w), max(0, side - w)), random.randint(min(0, side - h), max(0, side - h))
        canvas = Image.new("RGB", (side, side), (127, 127, 127))
        canvas.paste(image, (x, y))
        b = b * scale + np.array([x, y, x, y], dtype=np.float32)
        if random.random() < 0.5:
            canvas = ImageOps.mirror(canvas)
            b[:, [0, 2]] = side - b[:, [2, 0]]
        b = b.clip(0, side)
        for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
            canvas = enhance(canvas).enhance(random.uniform(0.6, 1.4))
        pixels = (np.asarray(canvas, dtype=np.float32) / 255 - mean) / std
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))

prepare(*samples[0])
count, begin = 0, time.perf_counter()
while time.perf_counter() - begin < args.seconds:
    for sample in samples:
        prepare(*sample)
        count += 1
print(json.dumps({"pictures": count, "seconds": time.perf_counter() - begin}))
