#!/usr/bin/env python3
"""Writes minilm.json: sentences, their tokens, and the vectors that transformers gives with the MiniLM of scripts/minilm.

Run:  python tests/golden/embeddings/make_embeddings.py     in the environment of scripts/oracles, after scripts/minilm

The model's folder says how (modules.json): the mean of the tokens over the attention mask, divided by its length. All texts are one padded batch.
"""
import json
import os

import torch
import transformers as hf

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, "..", "..", "..", ".deps", "minilm")
TEXTS = [
    "The weather is lovely today.",
    "It's so sunny outside!",
    "He drove to the stadium.",
    "Wörter, die kaum jemand in einem englischen Modell erwartet: Straßenbahnhaltestelle.",
    " ".join(f"Sentence number {i} makes this text longer than most others." for i in range(12)),
]


def main():
    torch.set_num_threads(1)
    tokenizer = hf.AutoTokenizer.from_pretrained(MODEL)
    model = hf.AutoModel.from_pretrained(MODEL, attn_implementation="eager", dtype=torch.float64).eval()
    batch = tokenizer(TEXTS, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.no_grad():
        states = model(**batch).last_hidden_state
    mask = batch["attention_mask"][..., None].double()
    vectors = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)
    out = []
    for text, ids, real, vector in zip(TEXTS, batch["input_ids"], batch["attention_mask"], vectors):
        out.append({"text": text, "ids": ids[real.bool()].tolist(), "embedding": [round(v, 7) for v in vector.tolist()]})
    info = {"made_by": "make_embeddings.py", "torch": torch.__version__, "transformers": hf.__version__}
    with open(os.path.join(HERE, "minilm.json"), "w") as file:
        json.dump({"info": info, "texts": out}, file, ensure_ascii=False)
        file.write("\n")


if __name__ == "__main__":
    main()
