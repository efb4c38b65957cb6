#!/usr/bin/env python3
"""Writes tests/golden/peft/: LoRA adapters as peft saves them, and what peft computes with them.

Run after make_models.py:  python tests/golden/peft/make_peft.py       (torch 2.13, transformers 5.23, peft 0.21)

The base models are folders of tests/golden/models/ (named in base.txt of each folder); pixels and labels are those of their golden.safetensors.
  <folder>/adapter_config.json, adapter_model.safetensors   written by save_pretrained
  <folder>/golden.safetensors: logits (adapter on, eval), logits_base (adapter off), logits_merged (after merge_and_unload, where peft can merge),
     merged.<module parameter name>: some merged weights (float32),
     train_loss [10], logits_after, after.<peft parameter name>: ten AdamW steps (lr 1e-3, betas .9 .999, eps 1e-8, no weight decay) that train what peft leaves trainable,
     train mode, loss before each update, float64 from training in double precision; tolerance.train_loss as in make_models.py.
"""
import json
import os
import shutil
import sys
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "models")

if os.environ.get("PYTHONHASHSEED") != "0":  # peft writes target_modules in the order of a set
    os.execve(sys.executable, [sys.executable] + sys.argv, {**os.environ, "PYTHONHASHSEED": "0"})

import peft  # noqa: E402
import torch  # noqa: E402
import transformers as hf  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

hf.logging.set_verbosity_error()
hf.logging.disable_progress_bar()
warnings.filterwarnings("ignore")
torch.set_num_threads(1)

LORA = dict(r=4, lora_alpha=8, init_lora_weights=False)
# name: (model class, base folder, config, peft can merge it)
CASES = {
    "vit": (hf.ViTForImageClassification, "vit", peft.LoraConfig(**LORA, target_modules=["q_proj", "v_proj"], modules_to_save=["classifier"]), True),
    # Ranks and alphas by layer, given as regular expressions and as names; adapters on the patch convolution and on the head itself.
    "vit_patterns": (hf.ViTForImageClassification, "vit",
                     peft.LoraConfig(**LORA, target_modules=r"vit\.embeddings\.patch_embeddings\.projection|.*\.(q_proj|k_proj|o_proj|fc1)|classifier",
                                     rank_pattern={r"layers\.0\.mlp\.fc1": 2, "q_proj": 3}, alpha_pattern={"vit.layers.1.attention.k_proj": 1, r"layers\.\d+\.attention\.q_proj": 5}), True),
    "vit_rslora": (hf.ViTForImageClassification, "vit",
                   peft.LoraConfig(r=4, lora_alpha=8, init_lora_weights=False, use_rslora=True, lora_bias=True, bias="lora_only", target_modules=["v_proj", "fc2"], layers_to_transform=[1]), True),
    "vit_dora": (hf.ViTForImageClassification, "vit", peft.LoraConfig(**LORA, use_dora=True, target_modules=["q_proj", "v_proj"], modules_to_save=["classifier"]), True),
    "resnet": (hf.ResNetForImageClassification, "resnet_bottleneck",
               peft.LoraConfig(**LORA, target_modules=["convolution"], modules_to_save=["classifier.1"]), True),
    "resnet_basic": (hf.ResNetForImageClassification, "resnet_basic", peft.LoraConfig(**LORA, target_modules=r".*stages.*convolution", modules_to_save=["classifier"]), True),
    # A grouped convolution: the rank must be divisible by the groups, A stays dense, and peft refuses to merge.
    "convnext_depthwise": (hf.ConvNextForImageClassification, "convnext", peft.LoraConfig(r=8, lora_alpha=4, init_lora_weights=False, target_modules=r".*stages\.0\.layers\.0\.(dwconv|pwconv1)"), False),
    "vit_layers": (hf.ViTForImageClassification, "vit",
                   peft.LoraConfig(r=3, lora_alpha=6, init_lora_weights=False, use_rslora=True, target_modules=["v_proj", "fc2", "o_proj"], layers_to_transform=[1], layers_pattern="layers",
                                   exclude_modules=["attention.o_proj"], modules_to_save=["classifier"]), True),
    # Strided convolutions with bias, linear layers in channels-last order, and a norm that is saved whole.
    "convnext": (hf.ConvNextForImageClassification, "convnext",
                 peft.LoraConfig(**LORA, target_modules=r".*(patch_embeddings|downsampling_layer\.1|pwconv\d)", modules_to_save=["convnext.layernorm", "classifier"]), True),
}


def randomize(model, seed):
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_" in name and "magnitude" not in name:
                p.copy_(torch.randn(p.shape, generator=g) * (0.5 if p.ndim > 1 else 0.2) * ((p.shape[0] / p.numel()) ** 0.5 if p.ndim > 1 else 1.0))
            elif "modules_to_save" in name or "magnitude" in name:
                p.mul_(1 + 0.2 * torch.randn(p.shape, generator=g))


def train(model, pixels, labels, steps=10):
    model.train()
    opt = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    losses = []
    for _ in range(steps):
        opt.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(model(pixels).logits, labels)
        loss.backward()
        opt.step()
        losses.append(loss.detach())
    model.eval()
    return torch.stack(losses)


def make(name, seed):
    cls, base, config, mergeable = CASES[name]
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    base_folder = os.path.join(MODELS, base)
    given = load_file(os.path.join(base_folder, "golden.safetensors"))
    pixels, labels = given["pixels"], given["labels"]
    plain = lambda: cls.from_pretrained(base_folder).eval()  # noqa: E731
    torch.manual_seed(seed)
    model = peft.get_peft_model(plain(), config).eval()
    randomize(model, seed)
    # The real folder name would be a path of this machine.
    model.peft_config["default"].base_model_name_or_path = base
    model.save_pretrained(folder)
    os.remove(os.path.join(folder, "README.md"))
    with open(os.path.join(folder, "base.txt"), "w") as f:
        f.write(base + "\n")
    load = lambda **k: peft.PeftModel.from_pretrained(plain(), folder, **k).eval()  # noqa: E731
    out = {}
    with torch.no_grad():
        adapted = load()
        out["logits"] = adapted(pixels).logits
        with adapted.disable_adapter():
            out["logits_base"] = adapted(pixels).logits
        if mergeable:
            before = plain().state_dict()
            merged = adapted.merge_and_unload()
            out["logits_merged"] = merged(pixels).logits
            changed = [n for n, t in merged.state_dict().items() if n in before and not torch.equal(t, before[n]) and t.is_floating_point()]
            for n in sorted(changed)[:2] + sorted(changed)[-2:]:
                out["merged." + n] = merged.state_dict()[n].clone()

    def run(trained, inputs):
        losses = train(trained, inputs, labels)
        with torch.no_grad():
            return losses, trained(inputs).logits, trained

    losses, after, trained = run(load(is_trainable=True).double(), pixels.double())
    names = [n for n, p in trained.named_parameters() if p.requires_grad]
    state = dict(trained.named_parameters())
    out["train_loss"], out["logits_after"] = losses, after
    for n in names[:2] + names[-2:]:
        out["after." + n] = state[n]
    noise = torch.Generator().manual_seed(seed + 1)
    gap = torch.zeros(10, dtype=torch.float64)
    for _ in range(5):
        other = load(is_trainable=True)
        with torch.no_grad():
            for p in other.parameters():
                p.mul_(1 + 1e-7 * torch.randn(p.shape, generator=noise))
        gap = torch.maximum(gap, (run(other, pixels)[0].double() - losses).abs())
    out["tolerance.train_loss"] = (4 * gap.cummax(0).values + 1e-5).float()
    trainable = sum(p.numel() for p in trained.parameters() if p.requires_grad)
    print(f"{name:20s} trainable {trainable:6d}  loss {losses[0]:.4f} -> {losses[-1]:.4f}  adapter moves logits {float((out['logits'] - out['logits_base']).abs().max()):.3f}"
          + (f"  merge gap {float((out['logits'] - out['logits_merged']).abs().max()):.1e}" if mergeable else "") + f"  tolerance {float(out['tolerance.train_loss'].max()):.1e}")
    save_file({k: v.detach().clone().contiguous() for k, v in out.items()}, os.path.join(folder, "golden.safetensors"),
              metadata={"info": json.dumps({"base": base, "trainable": trainable, "seed": seed, "torch": torch.__version__, "transformers": hf.__version__,
                                            "peft": peft.__version__, "made_by": "make_peft.py"}, sort_keys=True)})
    for f in os.listdir(folder):
        os.chmod(os.path.join(folder, f), 0o644)


def make_bin():
    """The adapter of "vit" as peft wrote it before it had safetensors."""
    folder = os.path.join(HERE, "vit_bin")
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    torch.save(load_file(os.path.join(HERE, "vit", "adapter_model.safetensors")), os.path.join(folder, "adapter_model.bin"))
    shutil.copy(os.path.join(HERE, "vit", "adapter_config.json"), folder)


if __name__ == "__main__":
    for i, case in enumerate(CASES):
        if len(sys.argv) == 1 or case in sys.argv[1:]:
            make(case, 7000 + 10 * i)
    make_bin()
