#!/usr/bin/env python3
"""Instruction tuning beside transformers and peft: trained tokens per second (docs/evidence.md, "Language models").

  instruction_tuning.py [--steps 6] [--rounds 2] [--graft build/release/graft]       (run with .deps/oracles/bin/python)

A Llama of SmolLM2-135M's shape with random weights, the Llama-2 tokenizer and its vocabulary, LoRA of rank 16 on every linear layer, the 1,100 records of rasbt-instruct in
Stanford's wording, loss on answers only, bfloat16. Theirs: weights in bfloat16, SDPA attention, AdamW; batches of 4, 8 and 16 padded to their longest, the same grouped by
length, and texts packed into blocks of 1,024 tokens (whose attention crosses texts: no flash attention on a CPU). Ours: what `graft train` decides. The sides take turns.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DATA = os.path.join(ROOT, "../shared/data/rasbt-instruct/instruction-data.json")
TOKENIZER = os.path.join(ROOT, "../shared/tokenizers/llama2")
SETTINGS = {"batch 4": (4, "random"), "batch 8": (8, "random"), "batch 16": (16, "random"), "batch 8, by length": (8, "length"), "batch 16, by length": (16, "length"), "packed": (2, "packed")}


def make_model(folder):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=32000, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3, max_position_embeddings=8192,
                         tie_word_embeddings=True, rms_norm_eps=1e-5, rope_theta=100000.0, bos_token_id=1, eos_token_id=2)
    LlamaForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.model", "tokenizer_config.json"):
        os.symlink(os.path.realpath(os.path.join(TOKENIZER, name)), os.path.join(folder, name))


def records():
    import sentencepiece

    # The tokenizer.json beside it lost some tokens on its way (README there).
    encode = sentencepiece.SentencePieceProcessor(os.path.join(TOKENIZER, "tokenizer.model")).encode
    found = []
    with open(DATA) as f:
        for r in json.load(f):
            head = "Below is an instruction that describes a task" + (", paired with an input that provides further context" if r["input"] else "") + \
                ". Write a response that appropriately completes the request.\n\n### Instruction:\n" + r["instruction"] + "\n\n" + (f"### Input:\n{r['input']}\n\n" if r["input"] else "") + "### Response:\n"
            prompt = [1, *encode(head)]
            whole = [1, *encode(head + r["output"]), 2]
            found.append((whole, [-100] * len(prompt) + whole[len(prompt):]))
    return found


def batches(data, size, how):
    rng = random.Random(0)
    if how == "packed":
        order = rng.sample(range(len(data)), len(data))
        ids, labels = sum((data[i][0] for i in order), []), sum((data[i][1] for i in order), [])
        block = 1024
        blocks = [(ids[i:i + block], labels[i:i + block]) for i in range(0, len(ids) - block + 1, block)]
        return [blocks[i:i + size] for i in range(0, len(blocks) - size + 1, size)]
    order = rng.sample(range(len(data)), len(data))
    if how == "length":  # as Trainer's group_by_length: sorted within fifty batches
        mega = 50 * size
        order = [i for k in range(0, len(order), mega) for i in sorted(order[k:k + mega], key=lambda i: -len(data[i][0]))]
    cut = [order[i:i + size] for i in range(0, len(order) - size + 1, size)]
    rng.shuffle(cut)
    return [[data[i] for i in batch] for batch in cut]


def theirs(args):
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    import peft
    import torch
    from transformers import LlamaForCausalLM

    torch.set_num_threads(args.threads)
    model = LlamaForCausalLM.from_pretrained(args.model, dtype=torch.bfloat16, attn_implementation="sdpa")
    model = peft.get_peft_model(model, peft.LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"))
    model.train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=5e-4, fused=True)
    data, out = records(), {}
    for name, (size, how) in SETTINGS.items():
        seconds = learned = real = 0
        for step, batch in enumerate(batches(data, size, how)[:args.steps + 1]):
            longest = max(len(ids) for ids, _ in batch)
            ids = torch.zeros(len(batch), longest, dtype=torch.long)
            labels, mask = torch.full_like(ids, -100), torch.zeros_like(ids)
            for row, (i, t) in enumerate(batch):
                ids[row, :len(i)], labels[row, :len(t)], mask[row, :len(i)] = torch.tensor(i), torch.tensor(t), 1
            begin = time.perf_counter()
            optimizer.zero_grad(set_to_none=True)
            model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            if step == 0:
                continue
            seconds += time.perf_counter() - begin
            learned += sum(sum(x >= 0 for x in t[1:]) for _, t in batch)
            real += sum(len(i) for i, _ in batch)
        out[name] = {"learned_s": learned / seconds, "real_s": real / seconds}
    print(json.dumps(out))


def ours(args, turn):
    run = os.path.join(args.work, f"ours_{turn}")
    done = subprocess.run([args.graft, "train", f"model={args.model}", f"data={DATA}", "budget.steps=25", "precision=bfloat16", "chat.template=none",
                           f"threads={args.threads}", "train.eval_every=100", f"output={run}", "overwrite=true"], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr[-2000:])
    with open(os.path.join(run, "summary.json")) as f:
        s = json.load(f)
    return {"learned_s": s["work"]["learned_tokens"] / s["time"]["train_s"], "real_s": s["work"]["tokens"] / s["time"]["train_s"]}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--graft", default=os.path.join(ROOT, "build/release/graft"))
    p.add_argument("--model", default="/tmp/graft_bench_checkpoints/llama_135m_32k")
    p.add_argument("--work", default="/tmp/graft_bench_instruct")
    p.add_argument("--steps", type=int, default=6)
    p.add_argument("--rounds", type=int, default=2)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--theirs", action="store_true", help="only their side, one JSON line")
    args = p.parse_args()
    if not os.path.exists(os.path.join(args.model, "model.safetensors")):
        make_model(args.model)
    if args.theirs:
        theirs(args)
        return 0
    rounds = []
    for turn in range(args.rounds):
        mine = ours(args, turn)
        done = subprocess.run([sys.executable, os.path.abspath(__file__), "--theirs", "--model", args.model, "--steps", str(args.steps), "--threads", str(args.threads)],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(done.stderr[-2000:])
        rounds.append((mine, json.loads(done.stdout.strip().splitlines()[-1])))
        print(f"round {turn + 1}: {rounds[-1]}", file=sys.stderr, flush=True)
    mine = [r[0]["learned_s"] for r in rounds]
    print(f"graft: {statistics.mean(mine):.0f} trained tokens/s ({min(mine):.0f} to {max(mine):.0f}), {statistics.mean(r[0]['real_s'] for r in rounds):.0f} real tokens/s\n")
    print("| theirs | trained tokens/s | real tokens/s | graft / theirs, trained | real |\n|---|---|---|---|---|")
    for name in SETTINGS:
        t = [r[1][name]["learned_s"] for r in rounds]
        ratios = [r[0]["learned_s"] / r[1][name]["learned_s"] for r in rounds]
        real = [r[0]["real_s"] / r[1][name]["real_s"] for r in rounds]
        print(f"| {name} | {statistics.mean(t):.0f} | {statistics.mean(r[1][name]['real_s'] for r in rounds):.0f} | {statistics.mean(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | {statistics.mean(real):.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
