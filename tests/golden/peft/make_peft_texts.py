#!/usr/bin/env python3
"""Writes adapters of text models to tests/golden/peft/, as peft saves them, and what peft computes with them.

Run after make_text_models.py:  .deps/oracles/bin/python tests/golden/peft/make_peft_texts.py       (torch 2.13, transformers 5.23, peft 0.21)

The base models are folders of tests/golden/text_models/ (named in base.txt); input_ids, attention_mask and labels are those of their golden.safetensors.
  <folder>/adapter_config.json, adapter_model.safetensors   written by save_pretrained
  <folder>/golden.safetensors, in eval mode: logits with the adapter (zero at padding) and logits_base without; loss as transformers takes it, and
     grad.<name in the file> of what peft leaves trainable;
     train_loss [10] of ten AdamW steps (lr 1e-3, betas .9 .999, eps 1e-8, no weight decay) that train it, before each update, float32;
     logits_merged after merge_and_unload, where the model's output matrix is not its embedding or neither was touched.
"""
import os
import shutil
import sys
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "text_models")

if os.environ.get("PYTHONHASHSEED") != "0":  # peft writes target_modules in the order of a set
    os.execve(sys.executable, [sys.executable] + sys.argv, {**os.environ, "PYTHONHASHSEED": "0", "HF_HUB_OFFLINE": "1"})

import peft  # noqa: E402
import torch  # noqa: E402
import transformers as hf  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

hf.logging.set_verbosity_error()
hf.logging.disable_progress_bar()
warnings.filterwarnings("ignore")
torch.set_num_threads(1)

LM = dict(task_type="CAUSAL_LM", init_lora_weights=False)
CASES = {
    # Embedding and output matrix are two tensors.
    "llama_embedding": ("llama", peft.LoraConfig(r=4, lora_alpha=6, target_modules=["embed_tokens", "q_proj", "down_proj"], **LM)),
    "llama_head": ("llama", peft.LoraConfig(r=3, lora_alpha=6, target_modules=["lm_head"], **LM)),
    "llama_saved": ("llama", peft.LoraConfig(r=2, lora_alpha=4, target_modules=["v_proj"], modules_to_save=["embed_tokens", "lm_head"], **LM)),
    # They are one.
    "llama_tied_embedding": ("llama_gqa_tied", peft.LoraConfig(r=4, lora_alpha=8, use_rslora=True, target_modules=["embed_tokens", "v_proj"], **LM)),
    "llama_tied_head": ("llama_gqa_tied", peft.LoraConfig(r=4, lora_alpha=8, target_modules=["lm_head"], **LM)),
    "llama_tied_both": ("llama_gqa_tied", peft.LoraConfig(r=2, lora_alpha=8, target_modules=["embed_tokens", "lm_head"], **LM)),
    "llama_tied_ensured": ("llama_gqa_tied", peft.LoraConfig(r=2, lora_alpha=8, target_modules=["embed_tokens"], ensure_weight_tying=True, **LM)),
    "llama_tied_saved": ("llama_gqa_tied", peft.LoraConfig(r=2, lora_alpha=4, target_modules=["q_proj"], modules_to_save=["embed_tokens"], **LM)),
    # Scaled embeddings.
    "gemma2_embedding": ("gemma2", peft.LoraConfig(r=3, lora_alpha=6, target_modules=["embed_tokens", "o_proj"], **LM)),
    "gpt2_embedding": ("gpt2", peft.LoraConfig(r=3, lora_alpha=6, target_modules=["wte", "wpe", "c_attn"], fan_in_fan_out=True, **LM)),
    "bert_embedding": ("bert_pairs", peft.LoraConfig(r=3, lora_alpha=6, init_lora_weights=False, target_modules=["word_embeddings", "position_embeddings", "token_type_embeddings", "query"],
                                                     rank_pattern={"token_type_embeddings": 1}, modules_to_save=["classifier"])),
}


def randomize(model, seed):
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_" in name:
                p.copy_(torch.randn(p.shape, generator=g) * 0.3)
            elif "modules_to_save" in name:
                p.add_(0.1 * torch.randn(p.shape, generator=g))


def name_in_file(name):
    return name.removeprefix("base_model.model.").replace(".modules_to_save.default", "").replace(".default", "")


def make(name, seed):
    base, config = CASES[name]
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    base_folder = os.path.join(MODELS, base)
    cls = hf.AutoModelForCausalLM if config.task_type == "CAUSAL_LM" else hf.AutoModelForSequenceClassification
    given = load_file(os.path.join(base_folder, "golden.safetensors"))
    inputs = {k: given[k] for k in ("input_ids", "attention_mask", "token_type_ids") if k in given}
    labels = given["labels"]
    real = inputs["attention_mask"].bool()

    def plain():
        return cls.from_pretrained(base_folder, attn_implementation="eager").eval()

    torch.manual_seed(seed)
    model = peft.get_peft_model(plain(), config).eval()
    randomize(model, seed)
    model.peft_config["default"].base_model_name_or_path = base_folder  # so that peft can look for its config
    model.save_pretrained(folder)
    os.remove(os.path.join(folder, "README.md"))
    text = open(os.path.join(folder, "adapter_config.json")).read().replace(base_folder, base)  # the real name would be a path of this machine
    with open(os.path.join(folder, "adapter_config.json"), "w") as f:
        f.write(text)
    with open(os.path.join(folder, "base.txt"), "w") as f:
        f.write(base + "\n")

    def load(**options):
        return peft.PeftModel.from_pretrained(plain(), folder, **options).eval()

    def logits_of(m):
        with torch.no_grad():
            logits = m(**inputs).logits
        return logits * real.unsqueeze(2) if logits.dim() == 3 else logits

    adapted = load(is_trainable=True)
    out = {"logits": logits_of(adapted)}
    with adapted.disable_adapter():
        out["logits_base"] = logits_of(adapted)
    loss = adapted(**inputs, labels=labels).loss
    loss.backward()
    out["loss"] = loss.detach()
    for n, p in adapted.named_parameters():
        if p.requires_grad:
            out["grad." + name_in_file(n)] = p.grad
    optimizer = torch.optim.AdamW([p for p in adapted.parameters() if p.requires_grad], lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    losses = []
    for _ in range(10):
        optimizer.zero_grad(set_to_none=True)
        loss = adapted(**inputs, labels=labels).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    out["train_loss"] = torch.stack(losses)
    tied = "tied" in name or base in ("gpt2", "gemma2")
    if not tied:
        out["logits_merged"] = logits_of(load().merge_and_unload())
    gaps = {k: float((out["logits"] - out[k]).abs().max()) for k in ("logits_base", "logits_merged") if k in out}
    print(f"{name:22s} loss {losses[0]:.4f} -> {losses[-1]:.4f}  adapter moves logits {gaps['logits_base']:.3f}"
          + (f"  merge gap {gaps['logits_merged']:.1e}" if "logits_merged" in gaps else ""))
    save_file({k: v.detach().clone().contiguous() for k, v in out.items()}, os.path.join(folder, "golden.safetensors"))
    for f in os.listdir(folder):
        os.chmod(os.path.join(folder, f), 0o644)


if __name__ == "__main__":
    for i, case in enumerate(CASES):
        if len(sys.argv) == 1 or case in sys.argv[1:]:
            make(case, 8000 + 10 * i)
