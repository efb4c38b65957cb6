#!/usr/bin/env python3
"""Writes faster_rcnn.*, retinanet.*, rcnn_parts.safetensors and rcnn_names.json: what torchvision 0.28 makes of tiny random detectors and of their parts.

Run:  .deps/oracles/bin/python tests/golden/detection_models/make_rcnn.py [--torchvision .deps/torchvision]
torchvision's compiled operators are not there: suppression is written out here, and RoIAlign is torchvision's own Python one (ops/roi_align.py).

<name>.pth is the state dict as torchvision saves it. <name>.safetensors has
  pixels [2, 3, H, W], normalised; objects [M, 6]: picture, label, x0, y0, x1, y1
  logits, offsets (RetinaNet), proposals<i>, regions<i>, logits<i>, shifts<i> (Faster R-CNN, picture i, not training): what flows
  found<i> [N, 6]: label, score, corners, best first, at the score in the metadata and torchvision's usual suppression
  loss.<part>: of the batch, with what torch.manual_seed(DRAW_SEED) draws; grad.<parameter>
The metadata entry "info" is JSON with what config.json must say beside the shapes ("config"), the seed and the score. No decision in it is closer than MARGIN to its threshold.
"""
import argparse
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
parser = argparse.ArgumentParser()
parser.add_argument("--torchvision", default=str(HERE.parents[2] / ".deps" / "torchvision"))
sys.path[:0] = [parser.parse_args().torchvision, str(HERE.parent / "image")]

import torch  # noqa: E402
import tv  # noqa: E402,F401  declares torchvision's operators
from safetensors.torch import save_file  # noqa: E402
from torch import nn  # noqa: E402
from torchvision.models.detection import _utils, anchor_utils, backbone_utils, faster_rcnn, image_list, retinanet  # noqa: E402
from torchvision.models.resnet import BasicBlock, Bottleneck, conv1x1  # noqa: E402
from torchvision.ops import boxes as box_ops, feature_pyramid_network as fpn, misc, poolers  # noqa: E402
from torchvision.ops import roi_align as _  # noqa: E402,F401
roi_module = sys.modules["torchvision.ops.roi_align"]

torch.set_num_threads(1)  # sums in one order
HEIGHT, WIDTH, CLASSES, CHANNELS = 64, 96, 3, 8
DRAW_SEED = 7
MARGIN = 1e-5
SCORE = 0.05
margins = []


def suppress(boxes, scores, most):
    """Greedy: by falling score, whatever overlaps a box that stays by more than `most` goes."""
    order = scores.argsort(descending=True, stable=True)
    overlaps = box_ops.box_iou(boxes, boxes)
    margins.append(float((overlaps.nan_to_num() - most).abs().min()) if len(boxes) else 1.0)  # NaN: of two empty boxes
    kept = []
    for i in order.tolist():
        if not any(overlaps[i, k] > most for k in kept):
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64)


def roi_align(input, boxes, output_size, spatial_scale=1.0, sampling_ratio=-1, aligned=False):
    return roi_module._roi_align.__wrapped__(input, boxes, spatial_scale, output_size[0], output_size[1], sampling_ratio, aligned)


box_ops.nms = suppress
poolers.roi_align = roi_align


class Body(nn.Module):
    """torchvision's ResNet with a layer a stage and few channels."""

    def __init__(self, block, widths):
        super().__init__()
        norm = misc.FrozenBatchNorm2d
        self.conv1 = nn.Conv2d(3, 8, 7, 2, 3, bias=False)
        self.bn1 = norm(8)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        before = 8
        for stage, width in enumerate(widths):
            stride = 1 if stage == 0 else 2
            shortcut = None
            if stride != 1 or before != width:
                shortcut = nn.Sequential(conv1x1(before, width, stride), norm(width))
            setattr(self, f"layer{stage + 1}", nn.Sequential(block(before, width // block.expansion, stride, shortcut, norm_layer=norm)))
            before = width


def backbone(block, widths, first, top):
    names = {f"layer{k}": str(i) for i, k in enumerate(range(first, 5))}
    return backbone_utils.BackboneWithFPN(Body(block, widths), names, widths[first - 1:], CHANNELS, top)


def randomise(model, generator):
    """Outputs that differ, and boxes that move."""
    for name, t in model.state_dict().items():
        if name.endswith("running_var"):
            t.copy_(torch.rand(t.shape, generator=generator) + 0.5)
        elif name.endswith("running_mean"):
            t.copy_(torch.randn(t.shape, generator=generator) * 0.2)
        elif ".bn" in name or ".downsample.1" in name:
            t.copy_((torch.rand(t.shape, generator=generator) + 0.5) * (1 if name.endswith("weight") else 0.2))
        elif name.endswith("bias"):
            t.copy_(torch.randn(t.shape, generator=generator) * 0.1)
        else:
            gain = 1.4 if "body" in name else 0.6 if "bbox" in name else 1.0
            t.copy_(torch.randn(t.shape, generator=generator) * gain / (t[0].numel() ** 0.5))


def objects(generator, labels_from):
    """Rows of picture, label, corners; and torchvision's targets, whose labels begin at `labels_from`."""
    rows = []
    for picture, count in ((0, 3), (1, 2)):
        for _ in range(count):
            w, h = (torch.rand(2, generator=generator) * 28 + 10).tolist()
            x, y = float(torch.rand(1, generator=generator)) * (WIDTH - w), float(torch.rand(1, generator=generator)) * (HEIGHT - h)
            label = int(torch.randint(CLASSES, (1,), generator=generator))
            rows.append([picture, label, x, y, x + w, y + h])
    rows = torch.tensor(rows)
    targets = [{"boxes": rows[rows[:, 0] == i][:, 2:].contiguous(), "labels": rows[rows[:, 0] == i][:, 1].long() + labels_from} for i in range(2)]
    return rows, targets


def found_rows(found, labels_from):
    return torch.cat([(found["labels"] - labels_from).float()[:, None], found["scores"][:, None], found["boxes"]], 1)


def finish(name, model, golden, losses, config):
    sum(losses.values()).backward()
    for part, value in losses.items():
        golden[f"loss.{part}"] = value.detach()
    for parameter, value in model.named_parameters():
        assert value.grad is not None and value.grad.abs().max() > 0, parameter
        golden[f"grad.{parameter}"] = value.grad
    torch.save(model.state_dict(), HERE / f"{name}.pth")
    save_file({k: v.detach().contiguous() for k, v in golden.items()}, HERE / f"{name}.safetensors",
              {"info": json.dumps({"config": config, "draw_seed": DRAW_SEED, "score": SCORE})})


def make_faster_rcnn(generator):
    sizes = ((8,), (16,), (24,), (40,), (64,))
    model = faster_rcnn.FasterRCNN(
        backbone(Bottleneck, [8, 16, 16, 24], 1, fpn.LastLevelMaxPool()), rpn_anchor_generator=anchor_utils.AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * 5),
        rpn_pre_nms_top_n_train=60, rpn_pre_nms_top_n_test=50, rpn_post_nms_top_n_train=40, rpn_post_nms_top_n_test=30, rpn_batch_size_per_image=16,
        box_batch_size_per_image=12, box_roi_pool=poolers.MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 2),
        box_head=faster_rcnn.TwoMLPHead(CHANNELS * 49, 16), box_predictor=faster_rcnn.FastRCNNPredictor(16, CLASSES + 1), box_score_thresh=SCORE)
    config = {"anchor_sizes": [list(s) for s in sizes], "rpn_pre_nms_top_n_train": 60, "rpn_pre_nms_top_n_test": 50, "rpn_post_nms_top_n_train": 40,
              "rpn_post_nms_top_n_test": 30, "rpn_batch_size_per_image": 16, "box_batch_size_per_image": 12}
    randomise(model, generator)
    pixels = torch.randn(2, 3, HEIGHT, WIDTH, generator=generator)
    rows, targets = objects(generator, 1)
    images = image_list.ImageList(pixels, [(HEIGHT, WIDTH)] * 2)
    golden = {"pixels": pixels, "objects": rows}

    model.eval()
    with torch.no_grad():
        features = model.backbone(pixels)
        proposals, _ = model.rpn(images, features)
        heads = model.roi_heads
        logits, shifts = heads.box_predictor(heads.box_head(heads.box_roi_pool(features, proposals, images.image_sizes)))
        each = [len(p) for p in proposals]
        for i, (p, a, b) in enumerate(zip(proposals, logits.split(each), shifts.split(each))):
            golden |= {f"proposals{i}": p, f"logits{i}": a, f"shifts{i}": b}
        for i, found in enumerate(heads(features, proposals, images.image_sizes)[0]):
            golden[f"found{i}"] = found_rows(found, 1)
            assert len(found["labels"]) > 4
    model.train()
    torch.manual_seed(DRAW_SEED)
    features = model.backbone(pixels)
    proposals, losses = model.rpn(images, features, targets)
    taken = []
    select = heads.select_training_samples
    heads.select_training_samples = lambda *a: taken.append(select(*a)) or taken[0]
    losses |= heads(features, proposals, images.image_sizes, targets)[1]
    for i, regions in enumerate(taken[0][0]):
        golden[f"regions{i}"] = regions
        assert int((taken[0][2][i] > 0).sum()) > 1
    finish("faster_rcnn", model, golden, losses, config)


def make_retinanet(generator):
    sizes = tuple((s, s * 5 // 4, s * 3 // 2) for s in (8, 16, 24, 40, 64))
    model = retinanet.RetinaNet(backbone(BasicBlock, [8, 8, 16, 16], 2, fpn.LastLevelP6P7(CHANNELS, CHANNELS)), CLASSES, score_thresh=SCORE,
                                anchor_generator=anchor_utils.AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * 5), topk_candidates=40)
    config = {"anchor_sizes": [list(s) for s in sizes], "topk_candidates": 40}
    randomise(model, generator)
    pixels = torch.randn(2, 3, HEIGHT, WIDTH, generator=generator)
    rows, targets = objects(generator, 0)
    golden = {"pixels": pixels, "objects": rows}
    images = image_list.ImageList(pixels, [(HEIGHT, WIDTH)] * 2)
    features = list(model.backbone(pixels).values())
    outputs = model.head(features)
    anchors = model.anchor_generator(images, features)
    golden |= {"logits": outputs["cls_logits"], "offsets": outputs["bbox_regression"]}
    each = [f.shape[2] * f.shape[3] * 9 for f in features]
    with torch.no_grad():
        split = {k: list(v.split(each, 1)) for k, v in outputs.items()}
        for i, found in enumerate(model.postprocess_detections(split, [list(a.split(each)) for a in anchors], images.image_sizes)):
            golden[f"found{i}"] = found_rows(found, 0)
            assert len(found["labels"]) > 4
    finish("retinanet", model, golden, model.compute_loss(targets, outputs, anchors), config)


def make_parts(generator):
    golden = {}
    maps = torch.rand(2, 3, 6, 9, generator=generator, requires_grad=True)
    corners = torch.rand(7, 2, generator=generator) * torch.tensor([14.0, 9.0])
    sides = torch.rand(7, 2, generator=generator) * torch.tensor([20.0, 12.0])
    boxes = torch.cat([corners, torch.minimum(corners + sides, torch.tensor([18.0, 12.0]))], 1)
    boxes[0] = torch.tensor([3.0, 3.0, 3.5, 3.25])  # smaller than a pixel of the map
    boxes[1] = torch.tensor([0.0, 0.0, 18.0, 12.0])  # all of it
    regions = torch.cat([torch.tensor([0, 1, 1, 0, 1, 0, 1.0])[:, None], boxes], 1)
    read = roi_align(maps, regions, (4, 4), 0.5, 2)
    slope = torch.randn(read.shape, generator=generator)
    (read * slope).sum().backward()
    golden |= {"roi.map": maps.detach(), "roi.regions": regions, "roi.read": read.detach(), "roi.slope": slope, "roi.grad": maps.grad}

    usual = {"faster_rcnn": (faster_rcnn._default_anchorgen(), 4), "retinanet": (retinanet._default_anchorgen(), 8)}
    for name, (anchors, stride) in usual.items():
        grids = [torch.zeros(1, 1, -(-HEIGHT // (stride * 2**i)), -(-160 // (stride * 2**i))) for i in range(5)]
        golden[f"anchors.{name}"] = anchors(image_list.ImageList(torch.zeros(1, 3, HEIGHT, 160), [(HEIGHT, 160)]), grids)[0]

    some = golden["anchors.faster_rcnn"][::37][:40]
    truth = torch.rand(4, 2, generator=generator) * 40
    truth = torch.cat([truth, truth + torch.rand(4, 2, generator=generator) * 60 + 4], 1)
    overlap = box_ops.box_iou(truth, some)
    coder = _utils.BoxCoder((10.0, 10.0, 5.0, 5.0))
    offsets = torch.randn(40, 4, generator=generator) * torch.tensor([5.0, 5.0, 4.0, 4.0])
    offsets[0] = torch.tensor([1.0, 1.0, 40.0, 40.0])  # grows more than it may
    golden |= {"boxes": some, "truth": truth, "coder.encoded": coder.encode_single(truth[torch.arange(40) % 4], some), "coder.offsets": offsets,
               "coder.decoded": coder.decode_single(offsets, some), "match.each": _utils.Matcher(0.3, 0.1, True)(overlap),
               "match.plain": _utils.Matcher(0.3, 0.3)(overlap)}
    labels = torch.randint(-1, 2, (60,), generator=generator)
    torch.manual_seed(DRAW_SEED)
    sampler = _utils.BalancedPositiveNegativeSampler(24, 0.25)
    positive, negative = sampler([labels, labels.flip(0)])
    golden |= {"draw.labels": labels, "draw.first": (positive[0] | negative[0]).to(torch.uint8), "draw.second": (positive[1] | negative[1]).to(torch.uint8)}
    save_file({k: v.contiguous() for k, v in golden.items()}, HERE / "rcnn_parts.safetensors", {"info": json.dumps({"draw_seed": DRAW_SEED})})


def write_names():
    """Tensors and shapes of the models that torchvision publishes weights of, with norms that learn."""
    makers = {"faster_rcnn": faster_rcnn.fasterrcnn_resnet50_fpn, "retinanet": retinanet.retinanet_resnet50_fpn}
    with torch.device("meta"):
        models = {name: make(weights=None, weights_backbone=None) for name, make in makers.items()}
    shapes = {name: {k: list(v.shape) for k, v in model.state_dict().items()} for name, model in models.items()}
    (HERE / "rcnn_names.json").write_text(json.dumps(shapes, separators=(",", ":")) + "\n")


def main():
    write_names()
    for make, seed in ((make_faster_rcnn, 1), (make_retinanet, 2), (make_parts, 3)):
        margins.clear()
        make(torch.Generator().manual_seed(seed))
        assert not margins or min(margins) > MARGIN, f"{make.__name__}: a decision is too close ({min(margins)}); take another seed"


main()
