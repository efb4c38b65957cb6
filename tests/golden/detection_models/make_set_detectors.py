#!/usr/bin/env python3
"""Writes the goldens of DETR and its relatives: tiny random checkpoints as transformers writes them, and the numbers that it computes with them.

Run:  .deps/oracles/bin/python tests/golden/detection_models/make_set_detectors.py [--only NAME ...] --torchvision .deps/torchvision
Needs torch 2.13, transformers 5.23, scipy, safetensors; for names.json timm 1.0, and a folder that holds torchvision's package where it is not installed.

Each folder holds config.json, model.safetensors and golden.safetensors with
  pixels [3,3,H,W], truth [N,6] float64 (number of the picture, x0, y0, x1, y1 in pixels of the input, label; the second picture has no object),
  logits, boxes (eval), auxiliary_logits and auxiliary_boxes [B,L,Q,...] where the config asks for them, loss [], loss_ce, loss_bbox, loss_giou [] (unweighted, of the
     last layer), grad.<module parameter name> (all parameters, those that transformers freezes too),
  train_loss [10]: losses of ten AdamW steps in double precision (lr 1e-3, betas .9 .999, eps 1e-8, weight decay .01 for parameters with more than one dimension),
     before each update, and after.<name>: some parameters after them,
  pixels_large, logits_large, boxes_large: another size of pictures.
names.json has the tensors and shapes of published models, as save_pretrained writes them, and assignments.json what scipy.optimize.linear_sum_assignment makes of costs.
"""
import argparse
import json
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "models"))

import numpy as np  # noqa: E402
import torch  # noqa: E402
import transformers as hf  # noqa: E402
from make_models import import_timm, randomize  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from scipy.optimize import linear_sum_assignment  # noqa: E402

CLASSES = ["cup", "hat", "key"]
LABELS = dict(id2label=dict(enumerate(CLASSES)), label2id={n: i for i, n in enumerate(CLASSES)})
RESNET = dict(embedding_size=8, hidden_sizes=[8, 12], depths=[1, 1], layer_type="basic", out_features=["stage2"])
DETR = dict(d_model=16, num_queries=6, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=4, encoder_ffn_dim=24,
            decoder_ffn_dim=20, dropout=0.0, **LABELS)
YOLOS = dict(hidden_size=24, num_hidden_layers=3, num_attention_heads=3, intermediate_size=32, image_size=[32, 48], patch_size=8, num_detection_tokens=6, **LABELS)


LEVELS = dict(embedding_size=8, hidden_sizes=[8, 12, 16], depths=[1, 1, 1], layer_type="bottleneck", out_features=["stage2", "stage3"])
DEFORMABLE = dict(d_model=32, num_queries=6, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=4, encoder_ffn_dim=24,
                  decoder_ffn_dim=20, num_feature_levels=3, encoder_n_points=2, decoder_n_points=3, dropout=0.0, **LABELS)


def deformable(**changes):
    return hf.DeformableDetrConfig(backbone_config=hf.ResNetConfig(**LEVELS), **{**DEFORMABLE, **changes})


def detr(**changes):
    return hf.DetrConfig(backbone_config=hf.ResNetConfig(**RESNET), **{**DETR, **changes})


# name: (model class, config, names kept after training)
MODELS = {
    "detr": (hf.DetrForObjectDetection, detr(), ["model.query_position_embeddings.weight", "model.input_projection.bias", "class_labels_classifier.weight"]),
    "detr_auxiliary": (hf.DetrForObjectDetection,
                       detr(decoder_layers=3, auxiliary_loss=True, position_embedding_type="learned", activation_function="gelu", eos_coefficient=0.3,
                            class_cost=2, bbox_cost=4, giou_cost=3, bbox_loss_coefficient=3, giou_loss_coefficient=4),
                       ["model.position_embedding.row_embeddings.weight", "model.decoder.layernorm.bias", "bbox_predictor.layers.2.weight"]),
    "deformable_detr": (hf.DeformableDetrForObjectDetection, deformable(), ["model.level_embed", "model.reference_points.weight", "class_embed.0.bias"]),
    "deformable_detr_refined": (hf.DeformableDetrForObjectDetection, deformable(with_box_refine=True, auxiliary_loss=True, focal_alpha=0.4),
                                ["model.query_position_embeddings.weight", "model.decoder.bbox_embed.0.layers.2.bias", "class_embed.1.weight"]),
    "yolos": (hf.YolosForObjectDetection, hf.YolosConfig(**YOLOS),
              ["vit.embeddings.detection_tokens", "vit.encoder.interpolation.mid_position_embeddings", "class_labels_classifier.layers.2.bias"]),
    "yolos_plain": (hf.YolosForObjectDetection, hf.YolosConfig(**YOLOS, use_mid_position_embeddings=False, qkv_bias=False),
                    ["vit.embeddings.position_embeddings", "bbox_predictor.layers.0.weight"]),
}
LARGE = (48, 40)


def size_of(name):
    """Group norms over single pixels are all rounding: the smallest of several maps must have some."""
    return (64, 64) if name.startswith("deformable") else (32, 48)


TRUTH = torch.tensor([[0, 2.0, 3.5, 20.25, 30.0, 1], [0, 25.0, 4.0, 47.0, 20.0, 0], [0, 10.0, 10.0, 16.0, 14.5, 1],
                      [2, 0.0, 0.0, 48.0, 32.0, 2], [2, 30.5, 20.0, 40.0, 29.0, 0]], dtype=torch.float64)


def labels(dtype, height, width):
    """The truth as transformers wants it."""
    result = []
    for picture in range(3):
        rows = TRUTH[TRUTH[:, 0] == picture]
        corners = rows[:, 1:5]
        boxes = torch.stack([(corners[:, 0] + corners[:, 2]) / 2 / width, (corners[:, 1] + corners[:, 3]) / 2 / height,
                             (corners[:, 2] - corners[:, 0]) / width, (corners[:, 3] - corners[:, 1]) / height], 1)
        result.append({"class_labels": rows[:, 5].long(), "boxes": boxes.to(dtype)})
    return result


def load(cls, folder, **kwargs):
    model = cls.from_pretrained(folder, **kwargs)
    if getattr(model.config, "with_box_refine", False):
        model.model.decoder.bbox_embed = model.bbox_embed  # one thing, as in the authors' program; transformers loads it twice where all layers have their own
    for p in model.parameters():
        p.requires_grad_(True)
    return model


def save_with_own_heads(model, folder, seed):
    """A head a layer, as the published models have them; those that transformers makes share the one for classes."""
    model.save_pretrained(folder)
    file = os.path.join(folder, "model.safetensors")
    tensors = load_file(file)
    g = torch.Generator().manual_seed(seed)
    for layer in range(1, model.config.decoder_layers):
        for part in ("weight", "bias"):
            shape = tensors[f"class_embed.0.{part}"].shape
            tensors[f"class_embed.{layer}.{part}"] = 0.3 * torch.randn(shape, generator=g)
    for n in [n for n in tensors if n.startswith("model.decoder.bbox_embed.")]:
        tensors[n.removeprefix("model.decoder.")] = tensors[n].clone()
    save_file(tensors, file, {"format": "pt"})


def ten_steps(cls, folder, pixels, kept, size):
    torch.set_default_dtype(torch.float64)  # the loss makes tensors of its own
    model = load(cls, folder, dtype=torch.float64).train()
    parameters = dict(model.named_parameters())
    groups = [{"params": [p for p in parameters.values() if p.dim() > 1], "weight_decay": 0.01},
              {"params": [p for p in parameters.values() if p.dim() <= 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3)
    losses = []
    for _ in range(10):
        loss = model(pixels.double(), labels=labels(torch.float64, *size)).loss
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.set_default_dtype(torch.float32)
    return {"train_loss": torch.tensor(losses, dtype=torch.float64), **{f"after.{n}": parameters[n].detach().clone() for n in kept}}


def make(name, seed):
    cls, config, kept = MODELS[name]
    folder = os.path.join(HERE, name)
    torch.manual_seed(seed)
    model = cls(config).eval()
    randomize(model, seed)
    if getattr(config, "with_box_refine", False):
        save_with_own_heads(model, folder, seed)
    else:
        model.save_pretrained(folder)
    model = load(cls, folder).eval()
    g = torch.Generator().manual_seed(seed + 1)
    size = size_of(name)
    pixels, large = torch.randn(3, 3, *size, generator=g), torch.randn(2, 3, *LARGE, generator=g)
    out = model(pixels, labels=labels(torch.float32, *size))
    out.loss.backward()
    golden = {"pixels": pixels, "truth": TRUTH, "logits": out.logits, "boxes": out.pred_boxes, "loss": out.loss, "pixels_large": large}
    for part in ("loss_ce", "loss_bbox", "loss_giou"):
        golden[part] = out.loss_dict[part]
    if out.auxiliary_outputs:
        golden["auxiliary_logits"] = torch.stack([o["logits"] for o in out.auxiliary_outputs], 1)
        golden["auxiliary_boxes"] = torch.stack([o["pred_boxes"] for o in out.auxiliary_outputs], 1)
    for n, p in model.named_parameters():
        assert p.grad is not None, n
        golden["grad." + n] = p.grad
    with torch.no_grad():
        out = model(large)
    golden.update(logits_large=out.logits, boxes_large=out.pred_boxes)
    golden.update(ten_steps(cls, folder, pixels, kept, size))
    info = json.dumps({"torch": torch.__version__, "transformers": hf.__version__, "seed": seed})
    save_file({n: t.detach().contiguous() for n, t in golden.items()}, os.path.join(folder, "golden.safetensors"), {"info": info})
    print(name, golden["loss"].item(), golden["train_loss"].tolist())


def published(torchvision_dir):
    """What a full-size model has, by the names in its file."""
    import_timm(torchvision_dir)
    for available in (hf.utils.import_utils.is_torchvision_available, hf.utils.import_utils.is_timm_available):
        getattr(available, "cache_clear", lambda: None)()  # torchvision came after transformers had looked
    small = dict(encoder_layers=1, decoder_layers=1)
    coco = dict(num_labels=91)
    models = {
        "detr_timm_resnet50": (hf.DetrForObjectDetection, hf.DetrConfig(**small, **coco)),
        "detr_timm_resnet18": (hf.DetrForObjectDetection, hf.DetrConfig(
            **small, **coco, backbone_config=hf.TimmBackboneConfig(backbone="resnet18", use_pretrained_backbone=False, out_indices=[1, 2, 3, 4]))),
        "detr_resnet50": (hf.DetrForObjectDetection, hf.DetrConfig(**small, **coco, backbone_config=hf.ResNetConfig(out_features=["stage4"]))),
        "yolos_small": (hf.YolosForObjectDetection, hf.YolosConfig(hidden_size=384, num_attention_heads=6, intermediate_size=1536, num_hidden_layers=2, **coco)),
    }
    result = {}
    for name, (cls, config) in models.items():
        with tempfile.TemporaryDirectory() as folder:
            cls(config).save_pretrained(folder)
            tensors = load_file(os.path.join(folder, "model.safetensors"))
            with open(os.path.join(folder, "config.json")) as f:
                saved = json.load(f)
        saved = {k: v for k, v in saved.items() if k not in ("id2label", "label2id")}
        result[name] = {"config": saved, "tensors": {n: list(t.shape) for n, t in sorted(tensors.items())}}
    return result


def assignments():
    g = np.random.default_rng(7)
    cases = []
    for rows, columns in [(1, 1), (1, 5), (5, 1), (4, 4), (7, 3), (3, 7), (12, 12), (20, 6), (6, 20), (0, 3), (3, 0)]:
        for kind in ("real", "ties", "large"):
            costs = g.integers(0, 3, (rows, columns)).astype(float) if kind == "ties" else np.round(g.normal(size=(rows, columns)), 3)
            if kind == "large":  # what stands for "no number"
                costs[g.random(costs.shape) < 0.3] = float(np.finfo(np.float32).max)
            i, j = linear_sum_assignment(costs)
            cases.append({"kind": kind, "rows": rows, "columns": columns, "costs": costs.flatten().tolist(), "pairs": [[int(a), int(b)] for a, b in zip(i, j)]})
    return cases


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="*", default=[*MODELS, "names", "assignments"])
    parser.add_argument("--torchvision")
    arguments = parser.parse_args()
    only = arguments.only
    for k, name in enumerate(MODELS):
        if name in only:
            make(name, 100 + k)
    for name, content in (("names", lambda: published(arguments.torchvision)), ("assignments", assignments)):
        if name in only:
            made = content()
            with open(os.path.join(HERE, name + ".json"), "w") as f:
                json.dump(made, f, separators=(",", ":"))


if __name__ == "__main__":
    main()
