"""Pixel values of transformers 5.23 (numpy backend) and timm 1.0.31 on Pillow 13.0.0, every `stride`-th row and column.

timm needs torchvision: see tv.py."""
import importlib

import numpy as np
from PIL import Image

import tv  # noqa: F401
import timm
from golden import Pack, picture

pictures = {"wide": picture(97, 61, 97), "tall": picture(33, 150, 33), "dot": picture(1, 1, 1), "line": picture(40, 1, 40)}
pack = Pack("preprocess")


def add(config, name, pixels, stride, **facts):
    values = np.asarray(pixels, np.float32).transpose(1, 2, 0)
    pack.add(values[::stride, ::stride], config=config, source=name, stride=stride,
             full_width=values.shape[1], full_height=values.shape[0], **facts)


MODULES = {"ViT": "vit", "DeiT": "deit", "Beit": "beit", "Bit": "bit", "CLIP": "clip", "Siglip": "siglip", "ConvNext": "convnext",
           "MobileNetV1": "mobilenet_v1", "MobileNetV2": "mobilenet_v2", "Pvt": "pvt"}


def hf(family, name, stride=2, **config):
    module = importlib.import_module(f"transformers.models.{MODULES[family]}.image_processing_pil_{MODULES[family]}")
    processor = getattr(module, family + "ImageProcessorPil")(**config)
    pixels = processor(Image.fromarray(pictures[name]), return_tensors="np")["pixel_values"][0]
    add({"image_processor_type": family + "ImageProcessor", **config}, name, pixels, stride)


for family in MODULES:
    for name in ("wide", "tall"):
        hf(family, name, 17)
for name in pictures:
    hf("ViT", name, size={"height": 20, "width": 31}, resample=3)
    hf("ViT", name, size=24, image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225], resample=0)
    hf("DeiT", name, size={"height": 31, "width": 30}, crop_size={"height": 24, "width": 21})
    hf("Bit", name, size={"shortest_edge": 21}, crop_size={"height": 18, "width": 18})
    hf("ConvNext", name, 3, size={"shortest_edge": 27})
    hf("ConvNext", name, 29, size={"shortest_edge": 390}, resample=2)
    hf("MobileNetV2", name, size={"shortest_edge": 26}, crop_size={"height": 22, "width": 20})
for name in ("wide", "tall"):
    hf("Bit", name, size=20, crop_size=30)  # the crop pads
    hf("Bit", name, size=21, crop_size=40)
    hf("ViT", name, size={"shortest_edge": 20, "longest_edge": 31})
    hf("ViT", name, size={"shortest_edge": 20, "longest_edge": 90})
    hf("ViT", name, size=24, do_normalize=False)
    hf("ViT", name, size=24, do_rescale=False, do_normalize=False, resample=4)
    hf("ViT", name, size=24, do_normalize=False, rescale_factor=1 / 127.5, resample=5)
    hf("DeiT", name, do_resize=False, crop_size=41)
    hf("ConvNext", name, size=30, crop_pct=0.95, resample=1)
    hf("ConvNext", name, do_resize=False)


def timm_case(name, stride=2, **cfg):
    transform = timm.data.create_transform(**timm.data.resolve_data_config({}, pretrained_cfg=cfg), is_training=False)
    add({"architecture": "x", "pretrained_cfg": cfg}, name, transform(Image.fromarray(pictures[name])).numpy(), stride)


for name in ("wide", "tall"):
    timm_case(name, 17, input_size=[3, 224, 224])
    for crop_pct in (0.875, 0.9, 0.95, 1.0):
        timm_case(name, input_size=[3, 25, 25], crop_pct=crop_pct, interpolation="bicubic", mean=[0.5] * 3, std=[0.5] * 3)
    timm_case(name, input_size=[3, 24, 24], crop_pct=0.9, interpolation="bilinear", crop_mode="squash")
    timm_case(name, input_size=[3, 20, 31], crop_pct=0.9, interpolation="lanczos")
    timm_case(name, input_size=[3, 31, 20], crop_pct=0.95, interpolation="bicubic")
pack.write()
