#!/usr/bin/env python3
"""Tokens added by graft beside transformers: a model that graft gave new tokens and trained loads there, with the same ids and losses within 1e-4, and
its new rows began where resize_token_embeddings has them. Prints a table and fails where something differs.

  new_tokens.py [--graft build/release/graft]      (run with .deps/oracles/bin/python)

GPT-2 and BERT are the random ones of peft_interchange.py (tokenizer.json; vocab.txt), Llama is the bundled stories260K (a tokenizer.json that came of sentencepiece). transformers adds a
little noise to the mean, so rows are compared within 1e-3 of the largest element. Where there is a tokenizer.json, texts are tokenized by the package tokenizers: LlamaTokenizer of transformers 5
puts no blank before what follows a special token, whatever the file says.
"""
import argparse
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peft_interchange import ROOT, TEXTS, graft, losses_by_graft, make_bert, make_gpt2  # noqa: E402

TOKENS = ["<tool>", "<|im_start|>"]
WITH_TOKEN = [f"{text[:30]}<tool>{text[:10]}" for text in TEXTS]


def write_records(path, label):
    with open(path, "w") as file:
        for i, text in enumerate(WITH_TOKEN):
            record = {"text": text}
            if label:
                record["label"] = i % 2
            file.write(json.dumps(record) + "\n")


def train(args, base, data, out, lr):
    graft(args, "train", "model=" + json.dumps({"path": base, "add_tokens": TOKENS}), f"data={{train: {data}, test: {data}}}", "budget.steps=2", "precision=float32", "strategy=full",
          "method=none", f"train.lr={lr}", f"train.head_lr={lr}", "train.weight_decay=0", f"output={out}")
    return os.path.join(out, "model")


def embedding_of(folder):
    from transformers import AutoModel
    return AutoModel.from_pretrained(folder).get_input_embeddings().weight.detach()


def resized(base, rows):
    from transformers import AutoModel
    model = AutoModel.from_pretrained(base)
    model.resize_token_embeddings(rows, mean_resizing=True)
    return model.get_input_embeddings().weight.detach()


def encoder_of(folder):
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer
    file = os.path.join(folder, "tokenizer.json")
    if os.path.exists(file):
        tokenizer = Tokenizer.from_file(file)
        return lambda text: tokenizer.encode(text).ids
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return lambda text: tokenizer(text)["input_ids"]


def losses_of(folder, causal):
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
    tokenizer, encode = AutoTokenizer.from_pretrained(folder), encoder_of(folder)
    model = (AutoModelForCausalLM if causal else AutoModelForSequenceClassification).from_pretrained(folder).eval()
    found = []
    for i, text in enumerate(WITH_TOKEN):
        ids = encode(text) + ([tokenizer.eos_token_id] if causal else [])
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0].double()
        found.append((torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:])) if causal
                      else torch.nn.functional.cross_entropy(logits, torch.tensor(i % 2))).item())
    return found


def fit_rows(base):
    """As many rows as tokens, so that new ones have to be made."""
    from transformers import AutoModel, AutoTokenizer
    model = AutoModel.from_pretrained(base)
    model.resize_token_embeddings(len(AutoTokenizer.from_pretrained(base)))
    model.save_pretrained(base)


def check(args, name, base, scratch, causal):
    from transformers import AutoTokenizer
    data = os.path.join(scratch, f"{name}.jsonl")
    write_records(data, not causal)
    untouched = train(args, base, data, os.path.join(scratch, name + "-still"), 1e-30)
    learned = train(args, base, data, os.path.join(scratch, name + "-learned"), 1e-3)
    before, rows = embedding_of(base), embedding_of(untouched)
    tokenizer = AutoTokenizer.from_pretrained(learned)
    ids = tokenizer.convert_tokens_to_ids(TOKENS)
    first = len(AutoTokenizer.from_pretrained(base))
    right_ids = ids == [first, first + 1] and ids[0] in tokenizer("a<tool>b")["input_ids"]
    hidden = "<tool>" not in tokenizer.decode(ids, skip_special_tokens=True)
    theirs = resized(base, rows.shape[0])
    gap = ((rows - theirs).abs().max() / theirs.abs().max()).item()
    losses = max(abs(a - b) for a, b in zip(losses_by_graft(args, os.path.dirname(learned), data, scratch), losses_of(learned, causal)))
    good = right_ids and hidden and gap < 1e-3 and losses < 1e-4
    print(f"{name:7} ids {'equal' if right_ids else ids}, special {hidden}, rows {before.shape[0]} → {rows.shape[0]} within {gap:.1e}, losses within {losses:.1e}  {'ok' if good else 'DIFFERS'}", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graft", default=os.path.join(ROOT, "build/release/graft"))
    args = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as scratch:
        for name, make, causal in (("gpt2", make_gpt2, True), ("bert", make_bert, False)):
            base = os.path.join(scratch, name + "-base")
            os.makedirs(base)
            make(base)
            if name == "bert":
                fit_rows(base)
            good = check(args, name, base, scratch, causal) and good
        good = check(args, "llama", os.path.join(ROOT, "examples/models/stories260K"), scratch, True) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
