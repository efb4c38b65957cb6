#!/usr/bin/env python3
"""Instruction tuning beside transformers and peft: trained and real tokens per second; prints the table of docs/evidence.md, "Language models".

  instruction_tuning.py [--minutes N] [--steps 6] [--rounds 5] [--graft build/release/graft] [--python .deps/oracles/bin/python] [--results bench/results/instruction.jsonl] [--tables]

A Llama of SmolLM2-135M's shape with random weights, the Llama-2 tokenizer and its vocabulary, LoRA of rank 16 on every linear layer, the 1,100 records of rasbt-instruct in
Stanford's wording, loss on answers only, bfloat16. Theirs: weights in bfloat16, SDPA attention, AdamW; batches of 4, 8 and 16 padded to their longest, the same grouped by
length, and texts packed into blocks of 1,024 tokens (whose attention crosses texts: no flash attention on a CPU). Ours: what `graft train` decides, without padding; the words that
records of a batch begin with together are computed once (train.share_prefixes), and counted in each of them. The sides take turns, graft and all settings of theirs in a round; rounds are appended to the results file and not repeated.

Real tokens are those of the records, without padding; trained tokens are those of them that the loss is taken of (the answers and their ends). Both are counted over the same steps and
divided by the seconds of these (graft: with reading and its first step; theirs: without batches being made, and without the first step).
"""
import json
import os
import random
import statistics
import subprocess
import sys
import time

import graft_run
import options
from intervals import spread
from rows import ORACLES, SHARED, Clock, Rows

DATA = os.path.join(SHARED, "data/rasbt-instruct/instruction-data.json")
TOKENIZER = os.path.join(SHARED, "tokenizers/llama2")
SETTINGS = {"batch 4": (4, "random"), "batch 8": (8, "random"), "batch 16": (16, "random"), "batch 8, by length": (8, "length"), "batch 16, by length": (16, "length"), "packed": (2, "packed")}
ASKED = {"padded": 2.0, "packed": 1.5}  # of trained tokens, beside the best of each kind


def make_model(args):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = args.model
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=32000, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3, max_position_embeddings=8192,
                         tie_word_embeddings=True, rms_norm_eps=1e-5, rope_theta=100000.0, bos_token_id=1, eos_token_id=2)
    LlamaForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.model", "tokenizer_config.json"):
        if not os.path.exists(os.path.join(folder, name)):
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


def ours(args):
    words = [f"model={args.model}", f"data={DATA}", "budget.steps=25", "precision=bfloat16", "chat.template=none", f"threads={args.threads}", "train.eval_every=100"]
    with graft_run.trained(args.graft, words) as run:
        work, seconds = run.summary["work"], run.summary["time"]["train_s"]
        return {"learned_s": work["learned_tokens"] / seconds, "real_s": work["tokens"] / seconds, "computed_s": (work["tokens"] - work["shared_tokens"]) / seconds,
                "steps": work["steps"]}


def round_of_theirs(args):
    command = [args.python, os.path.abspath(__file__), "--theirs", "--model", args.model, "--steps", str(args.steps), "--threads", str(args.threads)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def print_table(rounds):
    both = lambda field: f"{statistics.mean(r['graft'][field] for r in rounds):.0f}"
    print(f"graft, {len(rounds)} rounds: {both('learned_s')} trained tokens/s ({min(r['graft']['learned_s'] for r in rounds):.0f} to {max(r['graft']['learned_s'] for r in rounds):.0f}), "
          f"{both('real_s')} real tokens/s, of which {both('computed_s')} computed\n")
    print("| theirs | trained tokens/s | real tokens/s | graft / theirs, trained: median (least to most) | real | asked |\n|---|---|---|---|---|---|")
    rate = {name: statistics.mean(r["theirs"][name]["learned_s"] for r in rounds) for name in SETTINGS}
    padded = max((name for name in SETTINGS if name != "packed"), key=rate.get)
    for name in SETTINGS:
        ratios = {field: spread([r["graft"][field] / r["theirs"][name][field] for r in rounds]) for field in ("learned_s", "real_s")}
        asked = ASKED["packed"] if name == "packed" else ASKED["padded"] if name == padded else ""
        print(f"| {name} | {rate[name]:.0f} | {statistics.mean(r['theirs'][name]['real_s'] for r in rounds):.0f} | {ratios['learned_s']} | {ratios['real_s']} | {asked} |")


def main():
    p = options.parser(__doc__, "instruction.jsonl")
    p.add_argument("--python", default=ORACLES, help="that has transformers and peft")
    p.add_argument("--model", default="/tmp/graft_bench_checkpoints/llama_135m_32k")
    p.add_argument("--steps", type=int, default=6, help="of each setting of theirs that count")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--theirs", action="store_true", help="only their side, one JSON line")
    p.add_argument("--make-model", action="store_true", help="only the model that both sides load")
    args = p.parse_args()
    if args.theirs or args.make_model:
        (theirs if args.theirs else make_model)(args)
        return 0
    rows, clock, of = Rows(args.results), Clock(args.minutes), {"steps": args.steps, "threads": args.threads}
    while not args.tables and len(rows.find(**of)) < args.rounds and not clock.over():
        if not os.path.exists(os.path.join(args.model, "model.safetensors")):
            subprocess.run([args.python, os.path.abspath(__file__), "--make-model", "--model", args.model], check=True)
        row = rows.add(**of, graft=ours(args), theirs=round_of_theirs(args))
        print(f"round {len(rows.find(**of))}: {row['graft']['learned_s']:.0f} trained tokens/s, theirs {max(t['learned_s'] for t in row['theirs'].values()):.0f} at best", file=sys.stderr, flush=True)
    if rows.find(**of):
        print_table(rows.find(**of))
    return 0


if __name__ == "__main__":
    sys.exit(main())
