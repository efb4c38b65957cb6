#!/usr/bin/env python3
"""Adapters between graft and Hugging Face peft, both ways: same logits within 1e-4. Prints a table and fails where one differs.

  peft_interchange.py [--graft build/release/graft]      (run with .deps/oracles/bin/python)

Llama (the bundled stories260K), GPT-2 (a random one with a tokenizer of bytes) and BERT (a random one with the vocabulary of the contract tests), with adapters on linear layers, on
embeddings and on the output matrix (which is the embedding), and with modules_to_save. ours → theirs: graft trains a LoRA for some steps, peft loads the folder. theirs → ours: peft
writes a LoRA with random A and B, graft reads it. graft's side is the logits that `graft predict --json` prints
(classifiers), or the loss of each text to six digits (language models; a difference in logits of d changes it by at most 2 d).
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1")
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORD_PIECE = os.path.join(ROOT, "tests/contract_training/word_piece")
# By base: what is adapted, the words for graft, the fields of peft's LoraConfig.
CASES = {
    "llama": [
        ("linear layers", ["strategy=full", "method={name: lora, r: 4, alpha: 8, target: all}"], dict(target_modules="all-linear")),
        ("embedding", ["strategy=full", "method={name: lora, r: 4, alpha: 8, target: [embed_tokens, q_proj]}"], dict(target_modules=["embed_tokens", "q_proj"])),
        ("low-rank head", ["strategy={name: head, r: 4}"], dict(target_modules=["lm_head"])),
        ("modules_to_save", ["strategy=full", "method={name: lora, r: 4, alpha: 8, target: [v_proj], modules_to_save: [embed_tokens]}"],
         dict(target_modules=["v_proj"], modules_to_save=["embed_tokens"])),
    ],
    "gpt2": [
        ("linear layers", ["strategy=full", "method={name: lora, r: 4, alpha: 8, target: all}"], dict(target_modules="all-linear")),
        ("embedding", ["strategy=full", "method={name: lora, r: 4, alpha: 8, target: [wte, wpe, c_attn]}"], dict(target_modules=["wte", "wpe", "c_attn"])),
    ],
    "bert": [
        ("linear layers", ["strategy=full", "method={name: lora, r: 4, alpha: 8, target: all}"], dict(target_modules=["query", "value"])),
        ("embedding", ["strategy=full", "method={name: lora, r: 4, alpha: 8, target: [word_embeddings, query]}"], dict(target_modules=["word_embeddings", "query"])),
    ],
}
TEXTS = ["Once upon a time there was a little girl.", "Tom likes to play in the park with his big red ball.", "The cat sat on the mat."]


def graft(args, *words):
    done = subprocess.run([args.graft, *words], capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0:
        raise SystemExit(f"graft {' '.join(words)}\n{done.stderr[-2000:]}")
    return done.stdout


def make_gpt2(folder):
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    torch.manual_seed(3)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate([*alphabet, "<|endoftext|>"])}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|endoftext|>", eos_token="<|endoftext|>").save_pretrained(folder)
    config = GPT2Config(vocab_size=257, n_positions=128, n_embd=48, n_layer=3, n_head=4, bos_token_id=256, eos_token_id=256, initializer_range=0.1)
    GPT2LMHeadModel(config).save_pretrained(folder)


def make_bert(folder):
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(4)
    config = BertConfig(vocab_size=96, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=48, max_position_embeddings=64, initializer_range=0.2)
    BertModel(config).save_pretrained(folder)
    for name in os.listdir(WORD_PIECE):
        shutil.copy(os.path.join(WORD_PIECE, name), folder)


def losses_of(folder, base, tokenizer_folder):
    """Mean cross entropy of each text, beginning and end tokens as graft has them."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    found = []
    for text in TEXTS:
        ids = tokenizer(text)["input_ids"] + [tokenizer.eos_token_id]
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0].double()
        found.append(torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:])).item())
    return found


def losses_by_graft(args, model, data, scratch):
    out = json.loads(graft(args, "eval", model, f"data={{train: {data}, test: {data}}}", "--split", "test", "--json", "--samples"))
    return [sample["loss"] for sample in out["predictions"]]


def logits_of(folder, base):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    weights = [t for n, t in load_tensors(folder).items() if n.endswith("classifier.weight")]
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=weights[0].shape[0] if weights else 2)
    model = PeftModel.from_pretrained(model, folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(base)
    with torch.no_grad():
        return [model(**tokenizer(t, return_tensors="pt")).logits[0].tolist() for t in TEXTS]


def load_tensors(folder):
    from safetensors.torch import load_file

    return load_file(os.path.join(folder, "adapter_model.safetensors"))


def logits_by_graft(args, model):
    lines = [json.loads(graft(args, "predict", model, "--text", t, "--json")) for t in TEXTS]
    return [line["logits"] for line in lines]


def write_with_peft(base, folder, kind, fields):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    torch.manual_seed(5)
    if kind == "bert":
        config = LoraConfig(r=4, lora_alpha=8, modules_to_save=["classifier"], **fields)
        model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=3)
    else:
        config = LoraConfig(r=4, lora_alpha=8, task_type="CAUSAL_LM", **fields)
        model = AutoModelForCausalLM.from_pretrained(base)
    model = get_peft_model(model, config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_" in name:
                torch.nn.init.normal_(p, std=0.05)
            elif "modules_to_save" in name:
                p.add_(0.05 * torch.randn_like(p))
    model.save_pretrained(folder)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--graft", default=os.path.join(ROOT, "build/release/graft"))
    args = p.parse_args()
    rows, worst = [], 0.0
    with tempfile.TemporaryDirectory() as scratch:
        texts = os.path.join(scratch, "texts.jsonl")
        with open(texts, "w") as f:
            f.writelines(json.dumps({"text": t}) + "\n" for t in TEXTS)
        labelled = os.path.join(scratch, "labelled.jsonl")
        with open(labelled, "w") as f:
            f.writelines(json.dumps({"text": f"{t} {i}", "label": "abc"[k]}) + "\n" for i in range(8) for k, t in enumerate(TEXTS))
        gpt2 = os.path.join(scratch, "gpt2")
        make_gpt2(gpt2)
        bert = os.path.join(scratch, "bert")
        make_bert(bert)
        bases = {"llama": os.path.join(ROOT, "examples/models/stories260K"), "gpt2": gpt2, "bert": bert}
        for kind, adapted, words, fields in [(kind, *case) for kind, cases in CASES.items() for case in cases]:
            base = bases[kind]
            name = "_".join([kind, *adapted.split()])
            run = os.path.join(scratch, "run_" + name)
            data = labelled if kind == "bert" else texts
            graft(args, "train", f"model={base}", f"data={{train: {data}, validation: {data}}}", *words, "budget.steps=6", "train.batch=3", "train.lr=0.01", "train.head_lr=0.01",
                  "precision=float32", f"output={run}")
            theirs = os.path.join(scratch, "theirs_" + name)
            write_with_peft(base, theirs, kind, fields)
            for way, here, there in (("ours → theirs", run, os.path.join(run, "adapter")), ("theirs → ours", theirs, theirs)):
                if kind == "bert":
                    a, b = logits_by_graft(args, here), logits_of(there, base)
                    gap = max(abs(x - y) for u, v in zip(a, b) for x, y in zip(u, v))
                    size = max(abs(x) for u in b for x in u)
                else:
                    a, b = losses_by_graft(args, here, texts, scratch), losses_of(there, base, base)
                    gap = max(abs(x - y) for x, y in zip(a, b))
                    size = max(b)
                rows.append((kind, adapted, way, gap, size))
                worst = max(worst, gap)
    print("| model | adapted | way | compared | largest | difference |\n|---|---|---|---|---|---|")
    for kind, adapted, way, gap, size in rows:
        print(f"| {kind} | {adapted} | {way} | {'logits' if kind == 'bert' else 'losses'} | {size:.3f} | {gap:.1e} |")
    return 0 if worst < 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main())
