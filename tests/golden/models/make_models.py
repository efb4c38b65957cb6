#!/usr/bin/env python3
"""Writes the golden models of tests/golden/models/: tiny random checkpoints and the numbers that the reference libraries compute with them.

Run:  python tests/golden/models/make_models.py [--only NAME ...] [--torchvision DIR]
Needs torch 2.13, transformers 5.23, safetensors; timm 1.0 and torchvision 0.28 for the timm_* and tv_* folders only (--torchvision names a folder
that holds the torchvision package when it is not installed).

Each folder holds a checkpoint as the library writes it (config.json + weights, hub names) and golden.safetensors with
  pixels [4,3,H,W], labels [4] int64, logits [4,K] (eval), loss [], grad.<module parameter name> (eval mode, mean cross entropy; parameters without gradient are left out,
     and left out above 16384 elements, too)
  train_loss [10]: losses of ten AdamW steps on that one batch in train mode (dropouts are 0, so only batch norm differs from eval mode), before each update;
     lr 1e-3, betas .9 .999, eps 1e-8, weight decay .01 for parameters with more than one dimension and 0 for the others; parameters without gradient are not touched,
  after.<name>: some parameters, and all batch-norm buffers of some layers, after the ten steps, logits_after [4,K]: eval logits after them,
     train_loss, after and logits_after are float64, from training in double precision: agreement to 1e-9 can be asked of a model converted to double,
  tolerance.train_loss [10], tolerance.logits_after [], tolerance.after.<name> []: how far a correct float32 program may be away from that. The ReLU networks part
     after two or three steps (a kink crossed by rounding alone), where only double says something; the numbers are four times the largest deviation of seven float32 runs
     from weights disturbed by 1e-7 of themselves, plus 1e-5,
  pixels_large, logits_large: another image size with interpolated position embeddings (ViT-like families).
The file's metadata entry "info" is JSON with the versions and the seed.
"""
import argparse
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

import torch  # noqa: E402
import transformers as hf  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

hf.logging.set_verbosity_error()
hf.logging.disable_progress_bar()
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

CLASSES = ["daisy", "dandelion", "rose", "sunflower", "tulip"]
LABELS = dict(id2label={i: n for i, n in enumerate(CLASSES)}, label2id={n: i for i, n in enumerate(CLASSES)})
VIT = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=48, image_size=32, patch_size=8, **LABELS)
DINO = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, mlp_ratio=2, image_size=32, patch_size=8, **LABELS)
RESNET = dict(embedding_size=8, depths=[1, 2, 1], **LABELS)

# name: (model class, config, (height, width), (large height, large width) or None, names kept after training)
FAMILIES = {
    "vit": (hf.ViTForImageClassification, hf.ViTConfig(**VIT), (32, 32), (48, 40),
            ["vit.embeddings.position_embeddings", "vit.layers.1.attention.q_proj.weight", "classifier.bias"]),
    "vit_noqkvbias": (hf.ViTForImageClassification, hf.ViTConfig(**VIT, qkv_bias=False, layer_norm_eps=1e-6, hidden_act="gelu_new"), (32, 32), None,
                      ["vit.embeddings.cls_token", "vit.layers.0.mlp.fc1.weight", "classifier.weight"]),
    "deit": (hf.DeiTForImageClassification, hf.DeiTConfig(**VIT), (32, 32), (24, 40),
             ["deit.embeddings.distillation_token", "deit.layers.0.attention.v_proj.weight", "classifier.bias"]),
    "deit_teacher": (hf.DeiTForImageClassificationWithTeacher, hf.DeiTConfig(**VIT), (32, 32), None,
                     ["cls_classifier.weight", "distillation_classifier.bias"]),
    "dinov2": (hf.Dinov2ForImageClassification, hf.Dinov2Config(**DINO), (32, 32), (48, 40),
               ["dinov2.embeddings.position_embeddings", "dinov2.encoder.layer.1.layer_scale2.lambda1", "classifier.weight"]),
    "dinov2_swiglu": (hf.Dinov2ForImageClassification, hf.Dinov2Config(**DINO, use_swiglu_ffn=True), (32, 32), (24, 56),
                      ["dinov2.encoder.layer.0.mlp.gate_proj.weight", "dinov2.encoder.layer.0.mlp.up_proj.weight", "classifier.bias"]),
    "dinov2_registers": (hf.Dinov2WithRegistersForImageClassification, hf.Dinov2WithRegistersConfig(**DINO, num_register_tokens=3), (32, 32), (48, 40),
                         ["dinov2_with_registers.embeddings.register_tokens", "classifier.bias"]),
    "resnet_basic": (hf.ResNetForImageClassification, hf.ResNetConfig(**RESNET, hidden_sizes=[8, 16, 24], layer_type="basic"), (32, 32), None,
                     ["resnet.encoder.stages.1.layers.0.shortcut.convolution.weight", "classifier.1.weight",
                      "resnet.embedder.embedder.normalization", "resnet.encoder.stages.2.layers.0.layer.1.normalization"]),
    "resnet_bottleneck": (hf.ResNetForImageClassification, hf.ResNetConfig(**RESNET, hidden_sizes=[16, 24, 32], layer_type="bottleneck"), (40, 32), None,
                          ["resnet.encoder.stages.0.layers.0.layer.1.convolution.weight", "classifier.1.bias",
                           "resnet.embedder.embedder.normalization", "resnet.encoder.stages.1.layers.0.shortcut.normalization"]),
    # The strides of the original paper, strided first stage, odd image, and an activation that blocks use only at their end.
    "resnet_v1": (hf.ResNetForImageClassification,
                  hf.ResNetConfig(**RESNET, hidden_sizes=[16, 24, 32], layer_type="bottleneck", downsample_in_bottleneck=True,
                                  downsample_in_first_stage=True, hidden_act="silu"), (45, 35), None,
                  ["resnet.encoder.stages.1.layers.0.layer.0.convolution.weight", "resnet.embedder.embedder.normalization"]),
    # 0.1 keeps the file small; the widths of the published multipliers are in shapes.json, their values in filled.safetensors.
    "mobilenet_v2_tf": (hf.MobileNetV2ForImageClassification,
                        hf.MobileNetV2Config(**LABELS, depth_multiplier=0.1, tf_padding=True, image_size=40, classifier_dropout_prob=0.0), (40, 56), None,
                        ["mobilenet_v2.layer.3.conv_3x3.convolution.weight", "classifier.bias",
                         "mobilenet_v2.conv_stem.first_conv.normalization", "mobilenet_v2.layer.12.conv_3x3.normalization"]),
    "mobilenet_v2_sym": (hf.MobileNetV2ForImageClassification,
                         hf.MobileNetV2Config(**LABELS, depth_multiplier=0.1, depth_divisible_by=4, min_depth=4, expand_ratio=2.5, finegrained_output=False,
                                              first_layer_is_expansion=False, output_stride=16, tf_padding=False, image_size=48,
                                              classifier_dropout_prob=0.0), (37, 48), None,
                         ["mobilenet_v2.conv_stem.expand_1x1.convolution.weight", "mobilenet_v2.layer.12.conv_3x3.normalization"]),
    # The dilated path under TensorFlow padding, which multiplies the padding by the dilation.
    "mobilenet_v2_tf_dilated": (hf.MobileNetV2ForImageClassification,
                                hf.MobileNetV2Config(**LABELS, depth_multiplier=0.1, depth_divisible_by=4, min_depth=4, expand_ratio=2.0, finegrained_output=False,
                                                     output_stride=8, tf_padding=True, image_size=48, classifier_dropout_prob=0.0), (33, 44), None,
                                ["mobilenet_v2.layer.13.conv_3x3.convolution.weight", "mobilenet_v2.layer.13.conv_3x3.normalization"]),
    "convnext": (hf.ConvNextForImageClassification, hf.ConvNextConfig(**LABELS, hidden_sizes=[8, 16], depths=[1, 2], num_stages=2, patch_size=4, image_size=32),
                 (32, 48), None, ["convnext.encoder.stages.1.layers.1.layer_scale_parameter", "convnext.encoder.stages.1.downsampling_layer.1.weight", "classifier.bias"]),
}


def randomize(model, seed):
    """Values of a size that makes every tensor matter; the libraries' own init leaves zeros, ones and 0.02-sized weights."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, t in list(model.named_parameters()) + list(model.named_buffers()):
            n = lambda: torch.randn(t.shape, generator=g)  # noqa: E731
            u = lambda: torch.rand(t.shape, generator=g)  # noqa: E731
            leaf = name.rsplit(".", 1)[-1]
            if leaf == "num_batches_tracked":
                t.fill_(7)
            elif leaf == "running_var":
                t.copy_(0.5 + u())
            elif leaf in ("running_mean", "bias") or leaf.endswith("_bias"):
                t.copy_(0.2 * n())
            elif leaf.endswith("token") or leaf.endswith("tokens") or "pos" in leaf:
                t.copy_(0.5 * n())
            elif t.dim() <= 1:
                t.copy_(0.6 + 0.8 * u())
            else:
                t.copy_(n() * (t.shape[0] / t.numel()) ** 0.5)


def batch(size, seed, n=4):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(n, 3, *size, generator=g), torch.randint(0, len(CLASSES), (n,), generator=g)


def logits_of(model, pixels, **kwargs):
    out = model(pixels, **kwargs)
    return out if torch.is_tensor(out) else out.logits


def train(model, pixels, labels, steps=10):
    model.train()
    groups = [{"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": 0.01},
              {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0}]
    opt = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.999), eps=1e-8)
    losses = []
    for _ in range(steps):
        opt.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(logits_of(model, pixels), labels)
        loss.backward()
        opt.step()
        losses.append(loss.detach())
    model.eval()
    return torch.stack(losses)


def golden(name, make_model, size, large, kept, seed, interpolate_flag):
    """Numbers of one model. make_model() gives the model in eval mode with the weights of the folder."""
    model = make_model()
    pixels, labels = batch(size, seed + 1)
    out = {"pixels": pixels, "labels": labels}
    logits = logits_of(model, pixels)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()
    out["logits"], out["loss"] = logits, loss
    for n, p in model.named_parameters():
        if p.grad is not None and p.numel() <= 16384:
            out["grad." + n] = p.grad
    if large:
        out["pixels_large"] = batch(large, seed + 2, n=2)[0]
        with torch.no_grad():
            out["logits_large"] = logits_of(model, out["pixels_large"], **({"interpolate_pos_encoding": True} if interpolate_flag else {}))
    kept_names = [n for n in model.state_dict() if any(n == k or n.startswith(k + ".") for k in kept)]

    def run(trained, inputs):
        result = {"train_loss": train(trained, inputs, labels)}
        with torch.no_grad():
            result["logits_after"] = logits_of(trained, inputs)
        state = trained.state_dict()
        result.update({"after." + n: state[n] for n in kept_names})
        return result

    reference = run(make_model().double(), pixels.double())
    others = [run(make_model(), pixels)]
    noise = torch.Generator().manual_seed(seed + 3)
    for _ in range(6):
        other = make_model()
        with torch.no_grad():
            for p in other.parameters():
                p.mul_(1 + 1e-7 * torch.randn(p.shape, generator=noise))
        others.append(run(other, pixels))
    for key, value in reference.items():
        gap = torch.stack([(value - o[key].to(value.dtype)).abs() for o in others]).amax(0).double()
        out["tolerance." + key] = (4 * (gap.cummax(0).values if key == "train_loss" else gap.max()) + 1e-5).float()
    out.update(reference)
    drift = float(out["tolerance.train_loss"].max())
    meta = {"family": name, "seed": str(seed), "torch": torch.__version__, "transformers": hf.__version__, "made_by": "make_models.py"}
    out = {k: v.detach().clone().contiguous() for k, v in out.items()}
    print(f"{name:26s} {sum(p.numel() for p in model.parameters()):7d} params  loss {float(out['loss']):.4f} -> {float(out['train_loss'][-1]):.4f}"
          f"  logits +-{float(out['logits'].std()):.3f}  tolerance {drift:.1e}")
    return out, meta


def save(tensors, path, meta):
    """One metadata entry: safetensors writes several in an order that changes from run to run."""
    save_file(tensors, path, metadata={"info": json.dumps(meta, sort_keys=True)})


def write(folder, out, meta):
    save(out, os.path.join(folder, "golden.safetensors"), meta)


def fresh(name):
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def make_family(name):
    cls, config, size, large, kept = FAMILIES[name]
    seed = 100 * (1 + list(FAMILIES).index(name))
    folder = fresh(name)
    model = cls(config).eval()
    randomize(model, seed)
    model.save_pretrained(folder)
    # Default attention is PyTorch's own, which stays in double; transformers' eager form computes its softmax in float32 whatever the model's type.
    load = lambda: cls.from_pretrained(folder).eval()  # noqa: E731
    interpolate_flag = not name.startswith("dinov2")
    write(folder, *golden(name, load, size, large, kept, seed, interpolate_flag))


def make_variants():
    """The vit (or another) golden's weights in other containers: the expected numbers are those of the original folder."""
    vit = os.path.join(HERE, "vit")
    model = hf.ViTForImageClassification.from_pretrained(vit)
    model.save_pretrained(fresh("vit_sharded"), max_shard_size="20KB")
    folder = fresh("vit_v5names")
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    shutil.copy(os.path.join(vit, "config.json"), folder)
    folder = fresh("vit_bf16")
    hf.ViTForImageClassification.from_pretrained(vit, dtype=torch.bfloat16).save_pretrained(folder)
    # A backbone file: no "vit." prefix, a pooler nobody uses, no classifier.
    bare = hf.ViTModel.from_pretrained(vit)
    torch.manual_seed(5)
    torch.nn.init.normal_(bare.pooler.dense.weight)
    bare.save_pretrained(fresh("vit_bare"))
    for source, target in (("resnet_basic", "resnet_bin"),):
        folder = fresh(target)
        torch.save(load_file(os.path.join(HERE, source, "model.safetensors")), os.path.join(folder, "pytorch_model.bin"))
        shutil.copy(os.path.join(HERE, source, "config.json"), folder)
    # torchvision's names for the same bottleneck network.
    folder = fresh("tv_resnet")
    state = load_file(os.path.join(HERE, "resnet_bottleneck", "model.safetensors"))
    torch.save({torchvision_name(k): v for k, v in state.items()}, os.path.join(folder, "resnet.pth"))


def torchvision_name(key):
    parts = key.split(".")
    if parts[0] == "classifier":
        return "fc." + parts[-1]
    kind = "conv" if parts[-2] == "convolution" else "bn"
    if parts[1] == "embedder":
        return f"{kind}1.{parts[-1]}"
    stage, block = int(parts[3]) + 1, parts[5]
    if parts[6] == "shortcut":
        return f"layer{stage}.{block}.downsample.{0 if kind == 'conv' else 1}.{parts[-1]}"
    return f"layer{stage}.{block}.{kind}{int(parts[7]) + 1}.{parts[-1]}"


def make_shapes():
    """Tensor shapes of published configurations, without weights."""
    cases = {f"mobilenet_v2_{m}": (hf.MobileNetV2ForImageClassification, hf.MobileNetV2Config(depth_multiplier=m, num_labels=1001))
             for m in (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)}
    cases["resnet50"] = (hf.ResNetForImageClassification, hf.ResNetConfig(num_labels=1000))
    cases["resnet18"] = (hf.ResNetForImageClassification, hf.ResNetConfig(num_labels=1000, layer_type="basic", hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2]))
    cases["vit_b16"] = (hf.ViTForImageClassification, hf.ViTConfig(num_labels=1000))
    cases["dinov2_giant"] = (hf.Dinov2ForImageClassification, hf.Dinov2Config(hidden_size=1536, num_hidden_layers=1, num_attention_heads=24, use_swiglu_ffn=True, image_size=518))
    cases["deberta_v3_xsmall"] = (hf.DebertaV2ForSequenceClassification, hf.DebertaV2Config(
        hidden_size=384, num_hidden_layers=12, num_attention_heads=6, intermediate_size=1536, relative_attention=True, position_buckets=256, norm_rel_ebd="layer_norm",
        share_att_key=True, pos_att_type="p2c|c2p", position_biased_input=False))
    cases["convnext_tiny"] = (hf.ConvNextForImageClassification, hf.ConvNextConfig(num_labels=1000))
    result = {}
    for name, (cls, config) in cases.items():
        with torch.device("meta"):
            model = cls(config)
        config = {k: v for k, v in config.to_diff_dict().items() if k not in ("id2label", "label2id", "transformers_version", "stage_names", "out_features", "out_indices")}
        result[name] = {"config": config, "num_labels": model.num_labels,
                        "parameters": {k: list(p.shape) for k, p in model.named_parameters() if p.ndim > 1},
                        "total": sum(p.numel() for p in model.parameters())}
    with open(os.path.join(HERE, "shapes.json"), "w") as f:
        json.dump(result, f, indent=0, separators=(",", ":"))
        f.write("\n")


def fill_values(count, key):
    """Element i of a tensor with key k: a hash of (i, k) as a number in [0, 1) that float32 holds exactly. In C:

    uint32_t x = i * 2654435761u + k * 40503u + 12345u;  x ^= x >> 16;  x *= 2246822519u;  x ^= x >> 13;  u = (x >> 8) / 16777216.0
    """
    m = (1 << 32) - 1
    x = (torch.arange(count, dtype=torch.int64) * 2654435761 + key * 40503 + 12345) & m
    x = x ^ (x >> 16)
    x = ((x & 0xFFFF) * 2246822519 + (((x >> 16) * 2246822519 & 0xFFFF) << 16)) & m
    x = x ^ (x >> 13)
    return (x >> 8).double() / (1 << 24)


def fill(model):
    """Key = position in the sorted list of state names. See make_filled for the rule."""
    state = model.state_dict()
    with torch.no_grad():
        for key, name in enumerate(sorted(state)):
            t = state[name]
            u = fill_values(t.numel(), key).view(t.shape)
            leaf = name.rsplit(".", 1)[-1]
            if leaf == "num_batches_tracked":
                t.fill_(0)
            elif leaf in ("bias", "running_mean"):
                t.copy_(0.2 * (2 * u - 1))
            elif leaf.endswith("token") or leaf == "position_embeddings":
                t.copy_(0.5 * (2 * u - 1))
            elif t.dim() <= 1:
                t.copy_(0.5 + u)
            else:
                fan_in = t.numel() // t.shape[0]
                t.copy_((2 * u - 1) * (3.0 / fan_in) ** 0.5)


def make_filled():
    """Published sizes with computed weights, so that only logits need to be stored.

    Weights: names sorted bytewise, key = index. u = fill_values. bias, running_mean: 0.2(2u-1). *token, position_embeddings: 0.5(2u-1). num_batches_tracked 0.
    other tensors of one dimension (norm weights, running_var, layer scales): 0.5+u. All else: (2u-1) sqrt(3 * shape[0] / numel). Computed in double, stored in float32.
    Pixels [2,3,H,W]: 2u-1 with key 1000000.
    """
    small = {i: f"c{i}" for i in range(10)}
    cases = {
        "mobilenet_v2_0.35": (hf.MobileNetV2ForImageClassification, hf.MobileNetV2Config(depth_multiplier=0.35, id2label=small, classifier_dropout_prob=0.2), 96),
        "mobilenet_v2_1.0_sym": (hf.MobileNetV2ForImageClassification, hf.MobileNetV2Config(depth_multiplier=1.0, tf_padding=False, id2label=small, classifier_dropout_prob=0.2), 96),
        "resnet50": (hf.ResNetForImageClassification, hf.ResNetConfig(id2label=small), 64),
        "resnet18": (hf.ResNetForImageClassification, hf.ResNetConfig(id2label=small, layer_type="basic", hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2]), 64),
        "vit_tiny": (hf.ViTForImageClassification, hf.ViTConfig(hidden_size=192, num_attention_heads=3, intermediate_size=768, image_size=96, id2label=small), 96),
        "dinov2_small": (hf.Dinov2ForImageClassification, hf.Dinov2Config(hidden_size=384, num_attention_heads=6, image_size=98, id2label=small), 98),
        "convnext_tiny": (hf.ConvNextForImageClassification, hf.ConvNextConfig(id2label=small), 64),
    }
    out, configs = {}, {}
    for name, (cls, config, size) in cases.items():
        model = cls(config).eval()
        fill(model)
        pixels = (2 * fill_values(2 * 3 * size * size, 1000000) - 1).view(2, 3, size, size)
        with torch.no_grad():
            logits = logits_of(model, pixels.float())
            exact = logits_of(model.double(), pixels)
        diff = float((logits - exact).abs().max())
        print(f"filled {name:22s} logits {[round(x, 4) for x in logits[0, :4].tolist()]}  between images {float((logits[0] - logits[1]).abs().max()):.3f}  float64 drift {diff:.1e}")
        out[name + ".logits"] = exact.float().contiguous()
        diff_dict = config.to_diff_dict()
        for k in ("transformers_version", "stage_names", "out_features", "out_indices"):
            diff_dict.pop(k, None)
        configs[name] = {"config": diff_dict, "size": size}
        del model
    save(out, os.path.join(HERE, "filled.safetensors"), {"torch": torch.__version__, "transformers": hf.__version__, "made_by": "make_models.py"})
    with open(os.path.join(HERE, "filled.json"), "w") as f:
        json.dump(configs, f, indent=1)
        f.write("\n")


def import_timm(torchvision_dir):
    """torchvision's CUDA build has no loadable operators on a CPU torch; its Python models need none, only their names declared."""
    if torchvision_dir:
        sys.path.append(torchvision_dir)
        lib = torch.library.Library("torchvision", "DEF")
        for op in ("nms", "qnms"):
            lib.define(op + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import_timm.keep = lib
    import timm
    import torchvision
    return timm, torchvision


def make_timm(torchvision_dir):
    timm, torchvision = import_timm(torchvision_dir)
    from timm.models._hub import save_for_hf
    names = {"label_names": CLASSES}
    cases = {
        "timm_vit": (timm.create_model("vit_tiny_patch16_224", img_size=32, patch_size=8, embed_dim=24, depth=2, num_heads=3, mlp_ratio=2, num_classes=5), (32, 32), 5100),
        "timm_resnet": (timm.create_model("resnet18", layers=(1, 1, 1, 1), channels=(8, 8, 16, 24), num_classes=5), (64, 48), 5200),
        "timm_deit_distilled": (timm.create_model("deit_tiny_distilled_patch16_224", img_size=32, patch_size=8, embed_dim=24, depth=1, num_heads=3, mlp_ratio=2, num_classes=5), (32, 32), 5300),
        "timm_dinov2": (timm.create_model("vit_small_patch14_dinov2", img_size=32, patch_size=8, embed_dim=24, depth=1, num_heads=3, mlp_ratio=2, num_classes=5), (32, 32), 5400),
        "timm_convnext": (timm.create_model("convnext_atto", depths=(1, 1, 1, 1), dims=(8, 8, 16, 16), conv_mlp=False, num_classes=5), (32, 48), 5500),
        "tv_vit": (torchvision.models.VisionTransformer(image_size=32, patch_size=8, num_layers=2, num_heads=3, hidden_dim=24, mlp_dim=48, num_classes=5), (32, 32), 5600),
    }
    for name, (model, size, seed) in cases.items():
        folder = fresh(name)
        model.eval()
        randomize(model, seed)
        if name.startswith("timm"):
            save_for_hf(model, folder, model_config=dict(names), safe_serialization=True)
        else:
            save_file(model.state_dict(), os.path.join(folder, "model.safetensors"))
        pixels, labels = batch(size, seed + 1, n=2)
        with torch.no_grad():
            logits = model(pixels)
        print(f"{name:26s} {sum(p.numel() for p in model.parameters()):7d} params  logits +-{float(logits.std()):.3f}")
        write(folder, {"pixels": pixels, "labels": labels, "logits": logits},
              {"family": name, "seed": str(seed), "torch": torch.__version__, "timm": timm.__version__, "torchvision": torchvision.__version__, "made_by": "make_models.py"})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="*", default=None)
    parser.add_argument("--torchvision", default=None)
    args = parser.parse_args()
    wanted = lambda name: args.only is None or name in args.only  # noqa: E731
    for name in FAMILIES:
        if wanted(name):
            make_family(name)
    if wanted("variants"):
        make_variants()
    if wanted("shapes"):
        make_shapes()
    if wanted("filled"):
        make_filled()
    if wanted("timm"):
        make_timm(args.torchvision)
    for root, _, files in os.walk(HERE):
        for f in files:  # safetensors writes files that only their owner may read
            if f != os.path.basename(__file__):
                os.chmod(os.path.join(root, f), 0o644)


if __name__ == "__main__":
    main()
