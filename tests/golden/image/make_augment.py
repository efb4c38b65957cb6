"""Operations of Pillow 13.0.0 with fixed parameters, called as torchvision 0.28 calls them, and torchvision's magnitudes. See tv.py."""
import json

import numpy as np
import torch
from PIL import Image

import tv  # noqa: F401
from golden import HERE, Pack, picture
from torchvision.transforms.v2 import RandAugment, TrivialAugmentWide
from torchvision.transforms.v2 import functional as F

pictures = {"small": picture(31, 23, 8), "square": picture(20, 20, 9), "dull": picture(23, 14, 10) // 3 + 60, "flat": np.full((5, 6, 3), 77, np.uint8),
            "thin": picture(2, 9, 11)}
sources = Pack("augment_sources")
for name, pixels in pictures.items():
    sources.add(pixels, name=name)
sources.write()
pack = Pack("augment")


def add(name, op, result, **parameters):
    pack.add(np.asarray(result), source=name, op=op, **parameters)


def opened(name):
    return Image.fromarray(pictures[name])


factors = {"brightness": F.adjust_brightness, "contrast": F.adjust_contrast, "saturation": F.adjust_saturation, "sharpness": F.adjust_sharpness}
for op, function in factors.items():
    for factor in (0, 0.1, 0.55, 1, 1.27, 1.99, 7.5):
        add("small", op, function(opened("small"), factor), value=factor)
    for name in ("flat", "thin", "dull"):
        add(name, op, function(opened(name), 1.4), value=1.4)
for value in (-0.5, -0.21, -0.01, 0, 0.004, 0.13, 0.5):
    add("small", "hue", F.adjust_hue(opened("small"), value), value=value)
for bits in range(1, 9):
    add("small", "posterize", F.posterize(opened("small"), bits), value=bits)
for threshold in (0, 59.5, 128, 255):
    add("small", "solarize", F.solarize(opened("small"), threshold), value=threshold)
for name in pictures:
    add(name, "autocontrast", F.autocontrast(opened(name)), value=0)
    add(name, "equalize", F.equalize(opened(name)), value=0)
    add(name, "grayscale", F.rgb_to_grayscale(opened(name), 3), value=0)
add("small", "invert", F.invert(opened("small")), value=0)
for name in ("small", "square"):
    for angle in (0, 7, -30, 45.5, 90, 135, 180, 270, -90, 359.9, 1000):
        for interpolation in ("nearest", "bilinear"):
            if name == "small" or angle % 90 == 0:
                add(name, "rotate", F.rotate(opened(name), angle, interpolation=interpolation, fill=[40, 40, 40]), value=angle,
                    interpolation=interpolation, fill=40)

NAMES = {"ShearX": 1, "ShearY": 2, "TranslateX": 3, "TranslateY": 4, "Rotate": 5, "Brightness": 6, "Color": 7, "Contrast": 8, "Sharpness": 9,
         "Posterize": 10, "Solarize": 11}
tables = {}
for space, transform in (("rand_augment", RandAugment()), ("trivial_augment_wide", TrivialAugmentWide())):
    assert list(transform._AUGMENTATION_SPACE)[1:12] == list(NAMES)
    for op, number in NAMES.items():
        magnitudes, signed = transform._AUGMENTATION_SPACE[op]
        for bins in (31, 10):
            tables[f"{space} {number} {bins}"] = [float(v) for v in magnitudes(bins, 123, 457)]
        values = magnitudes(31, 23, 31)
        for bin in (3, 9, 30) if number in (1, 2, 3, 4) else (9,):
            for sign in (1, -1) if signed else (1,):
                for interpolation in ("nearest", "bilinear") if number <= 5 and bin == 9 else ("nearest",):
                    result = transform._apply_image_or_video_transform(opened("small"), op, sign * float(values[bin]), interpolation, {})
                    add("small", "auto", result, space=space, auto=number, bin=bin, sign=sign, interpolation=interpolation)
(HERE / "magnitudes.json").write_text(json.dumps({"width": 457, "height": 123, "tables": tables}) + "\n")
pack.write()
