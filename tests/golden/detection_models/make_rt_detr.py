#!/usr/bin/env python3
"""Writes rt_detr*/ and d_fine*/ here: tiny random checkpoints of transformers, and what it computes with them.

Run:  .deps/oracles/bin/python tests/golden/detection_models/make_rt_detr.py [NAME ...]      (torch 2.13, transformers 5.23, scipy)

Each folder holds config.json and model.safetensors as save_pretrained writes them, and golden.safetensors with
  pixels [3,3,H,W], objects [3,M,5]: boxes x0 y0 x1 y1 in pixels and a class, -1 where a picture has fewer (the last one has none),
  logits, boxes [3,Q,..], eval_loss: in eval mode,
  loss, loss_classes, loss_box: in train mode with denoising queries whose noise is drawn after torch.manual_seed(SEED); grad.<parameter> of that loss, in float32
     but computed in double precision (noise aside): norms over the few pixels of such maps make float32 gradients differ by 1e-4 of themselves,
  train_loss [10] float64: losses of ten AdamW steps (lr 1e-3 or what RATES says, weight decay .01 for parameters with more than one dimension), in double precision as well; step i
     draws its noise after torch.manual_seed(SEED + i). The first one is of the gradients.
"""
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "models"))

import torch  # noqa: E402
import transformers as hf  # noqa: E402
from make_models import randomize, save  # noqa: E402

SEED = 40
CLASSES = ["hat", "shoe", "glove"]
LABELS = dict(id2label={i: n for i, n in enumerate(CLASSES)}, label2id={n: i for i, n in enumerate(CLASSES)})
RESNET = dict(embedding_size=8, depths=[1, 2, 1, 1], out_features=["stage2", "stage3", "stage4"])
COMMON = dict(**LABELS, encoder_hidden_dim=8, encoder_ffn_dim=12, encoder_attention_heads=2, num_queries=10, decoder_ffn_dim=12, decoder_attention_heads=2,
              decoder_layers=3, num_denoising=7)
HGNET = dict(embedding_size=4, depths=[1, 1, 1], hidden_sizes=[8, 8, 12], stem_channels=[3, 4, 6], stage_in_channels=[6, 8, 8], stage_mid_channels=[4, 4, 4],
             stage_out_channels=[8, 8, 12], stage_num_blocks=[1, 2, 1], stage_downsample=[False, True, True], stage_light_block=[False, True, True],
             stage_kernel_size=[3, 3, 5], stage_numb_of_layers=[2, 2, 1], stage_downsample_strides=[2, 2, 2])
# At 1e-3 ten steps of the discrete form make 1e-3 of what two processors round differently (1e-8), in transformers as well; at 1e-4 nothing grows.
RATES = {"rt_detr_v2_discrete": 1e-4}


def v2(backbone, **kwargs):
    return hf.RTDetrV2Config(backbone_config=hf.RTDetrResNetConfig(**RESNET, **backbone), **COMMON, **kwargs)


def fine(backbone, **kwargs):
    return hf.DFineConfig(backbone_config=hf.HGNetV2Config(**HGNET, **backbone), **COMMON, **kwargs)


CASES = {
    "rt_detr": (hf.RTDetrForObjectDetection, hf.RTDetrConfig(
        backbone_config=hf.RTDetrResNetConfig(**RESNET, hidden_sizes=[8, 8, 12, 12], layer_type="basic"), **COMMON, encoder_in_channels=[8, 12, 12], d_model=8,
        decoder_in_channels=[8, 8, 8], decoder_n_points=3), (32, 64)),
    "rt_detr_v2": (hf.RTDetrV2ForObjectDetection, v2(
        dict(hidden_sizes=[8, 8, 12, 12], layer_type="basic"), encoder_in_channels=[8, 12, 12], d_model=8, decoder_in_channels=[8, 8, 8], decoder_n_points=2), (32, 64)),
    # Bottlenecks, norms that learn, the discrete form, one map more than the neck has, norms before attention.
    "rt_detr_v2_discrete": (hf.RTDetrV2ForObjectDetection, v2(
        dict(hidden_sizes=[8, 8, 16, 16], layer_type="bottleneck"), encoder_in_channels=[8, 16, 16], d_model=12, decoder_in_channels=[8, 8, 8], decoder_n_points=3,
        num_feature_levels=4, decoder_n_levels=4, decoder_method="discrete", freeze_backbone_batch_norms=False, hidden_expansion=0.5, normalize_before=True), (64, 32)),
    "d_fine": (hf.DFineForObjectDetection, fine(
        dict(use_learnable_affine_block=True, out_features=["stage1", "stage2", "stage3"]), encoder_in_channels=[8, 8, 12], d_model=8, decoder_in_channels=[8, 8, 8],
        decoder_n_points=2, max_num_bins=8, depth_mult=0.34, lqe_hidden_dim=6), (32, 64)),
    # Two maps, another number of places in each, projections before the decoder, norms that learn.
    "d_fine_two": (hf.DFineForObjectDetection, fine(
        dict(out_features=["stage2", "stage3"]), encoder_in_channels=[8, 12], feat_strides=[8, 16], encode_proj_layers=[1], d_model=12, decoder_in_channels=[8, 8],
        num_feature_levels=2, decoder_n_points=[3, 2], max_num_bins=8, depth_mult=0.5, hidden_expansion=0.5, freeze_backbone_batch_norms=False, reg_scale=8.0), (32, 64)),
}
KEPT = ("n_points_scale", "num_points_scale", "reg_scale", "up")


def batch(size):
    g = torch.Generator().manual_seed(7)
    height, width = size
    objects = torch.full((3, 3, 5), -1.0)
    for picture, count in enumerate([2, 3, 0]):
        for k in range(count):
            side = (torch.rand(2, generator=g) * 0.5 + 0.15) * torch.tensor([width, height])
            corner = torch.rand(2, generator=g) * (torch.tensor([width, height]) - side)
            label = torch.randint(0, len(CLASSES), (1,), generator=g).item()
            objects[picture, k] = torch.tensor([*corner, *(corner + side), label])
    return torch.randn(3, 3, height, width, generator=g), objects


def labels(objects, size, dtype=torch.float32):
    height, width = size
    result = []
    for rows in objects.double():
        rows = rows[rows[:, 4] >= 0]
        frame = torch.tensor([width, height], dtype=torch.float64)
        boxes = torch.cat([(rows[:, :2] + rows[:, 2:4]) / 2 / frame, (rows[:, 2:4] - rows[:, :2]) / frame], 1)
        result.append({"class_labels": rows[:, 4].long(), "boxes": boxes.to(dtype)})
    return result


def load(folder, cls):
    # In double the mask of denoising stays in float32, which only the eager form takes.
    model = cls.from_pretrained(folder, attn_implementation="eager")
    for name, p in model.named_parameters():
        # Made so by the class, lost by from_pretrained.
        if name.rsplit(".", 1)[-1] in KEPT:
            p.requires_grad_(False)
    return model


def make(name):
    cls, config, size = CASES[name]
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(1)
    model = cls(config)
    kept = {n: t.clone() for n, t in model.state_dict().items() if n.rsplit(".", 1)[-1] in KEPT}
    randomize(model, 1000 + list(CASES).index(name))
    model.load_state_dict(kept, strict=False)
    model.save_pretrained(folder)

    pixels, objects = batch(size)
    model = load(folder, cls).eval()
    with torch.no_grad():
        found = model(pixels, labels=labels(objects, size))
    out = {"pixels": pixels, "objects": objects, "logits": found.logits, "boxes": found.pred_boxes, "eval_loss": found.loss}
    model = load(folder, cls).train()
    torch.manual_seed(SEED)
    trained = model(pixels, labels=labels(objects, size))
    out["loss"] = trained.loss
    out["loss_classes"] = sum(v for k, v in trained.loss_dict.items() if k.startswith("loss_vfl"))
    out["loss_box"] = sum(v for k, v in trained.loss_dict.items() if not k.startswith("loss_vfl"))

    model = load(folder, cls).double().train()
    groups = [{"params": [p for p in model.parameters() if p.requires_grad and p.ndim > 1], "weight_decay": 0.01},
              {"params": [p for p in model.parameters() if p.requires_grad and p.ndim <= 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATES.get(name, 1e-3))
    losses = []
    # D-FINE's loss puts double numbers into places that it made with .float().
    single, torch.Tensor.float = torch.Tensor.float, torch.Tensor.double
    for step in range(10):
        optimizer.zero_grad(set_to_none=True)
        torch.manual_seed(SEED + step)
        loss = model(pixels.double(), labels=labels(objects, size, torch.float64)).loss
        loss.backward()
        if step == 0:
            out.update({"grad." + n: p.grad.clone().to(torch.float32) for n, p in model.named_parameters() if p.grad is not None})
        optimizer.step()
        losses.append(loss.detach())
    torch.Tensor.float = single
    out["train_loss"] = torch.stack(losses)
    meta = {"seed": SEED, "torch": torch.__version__, "transformers": hf.__version__, "made_by": "make_rt_detr.py"}
    save({k: v.detach().clone().contiguous() for k, v in out.items()}, os.path.join(folder, "golden.safetensors"), meta)
    for file in os.listdir(folder):
        os.chmod(os.path.join(folder, file), 0o644)
    print(f"{name:20s} {sum(p.numel() for p in model.parameters()):6d} params  loss {float(out['loss']):.4f} (eval {float(out['eval_loss']):.4f}) -> {float(losses[-1]):.4f}"
          f"  terms {len(trained.loss_dict)}")


if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        make(case)
