"""Tokens and masks of records as transformers and TRL make them: records.json, for records_test.cpp.

Conversations: apply_chat_template with return_assistant_tokens_mask, on templates with {% generation %} tags. Prompts and
completions: as TRL's SFTTrainer has it, the prompt's tokens masked where they begin those of prompt and completion together.
Ids are kept as FNV-1a digests, masks as texts of 0 and 1. Run with .deps/oracles/bin/python."""
import json
import pathlib

from conversations import CASES, VARIABLES
from transformers import PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parent
SMALL = HERE.parent / "tokenizers" / "small"
MARKS = ["<|im_start|>", "<|im_end|>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>"]
# Each with its special tokens, and whether the marks of the templates are tokens of it.
TOKENIZERS = {"gpt4": ("<|endoftext|>", "<|endoftext|>", True), "llama": ("<s>", "</s>", False), "llama_first": ("<s>", "</s>", True),
              "byte_level_untrimmed": ("<s>", "</s>", False), "byte_level": ("<s>", "</s>", True)}
TEMPLATES = ["trl__qwen2_5_training", "trl__qwen3_training", "trl__phi3_training"]
NAMES = ["pair", "system_pair", "closed_turns", "empty", "unicode", "special", "tool_calls", "thinking"]
PROMPTS = [("What is 2+2? ", "It is 4."), ("A:", " yes"), ("A: ", "yes"), ("", "all of it"), ("Naïve ☃ ", "Zürich\n\n"), ("a", "b")]


def digest(ids):
    value = 0xCBF29CE484222325
    for byte in " ".join(map(str, ids)).encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def open_tokenizer(name):
    bos, eos, marked = TOKENIZERS[name]
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(SMALL / f"{name}.json"), bos_token=bos, eos_token=eos)
    if marked:
        tokenizer.add_tokens(MARKS, special_tokens=True)
    return tokenizer


def conversations(name, tokenizer):
    for template in TEMPLATES:
        source = (HERE / "templates" / f"{template}.jinja").read_text(encoding="utf-8")
        for case in NAMES:
            one = CASES[case]
            variables = {**VARIABLES, **one.get("variables", {}), "bos_token": tokenizer.bos_token, "eos_token": tokenizer.eos_token}
            try:
                made = tokenizer.apply_chat_template(one["messages"], tools=one.get("tools"), chat_template=source, tokenize=True,
                                                     return_dict=True, return_assistant_tokens_mask=True, **variables)
            except Exception as error:
                print(name, template, case, type(error).__name__, str(error)[:80])
                continue
            ids = made["input_ids"]
            yield {"tokenizer": name, "template": template, "case": case, "tokens": len(ids), "ids": digest(ids),
                   "mask": "".join(map(str, made["assistant_masks"]))}


def prompts(name, tokenizer):
    for prompt, completion in PROMPTS:
        alone = tokenizer(text=prompt)["input_ids"]
        ids = tokenizer(text=prompt + completion + tokenizer.eos_token)["input_ids"]
        is_prefix = ids[: len(alone)] == alone
        yield {"tokenizer": name, "prompt": prompt, "completion": completion, "tokens": len(ids), "ids": digest(ids),
               "mask": "0" * len(alone) + "1" * (len(ids) - len(alone)) if is_prefix else None}


def main():
    records = []
    for name in TOKENIZERS:
        tokenizer = open_tokenizer(name)
        records += conversations(name, tokenizer)
        records += prompts(name, tokenizer)
    tokenizers = {name: {"bos_token": bos, "eos_token": eos, "marks": MARKS if marked else []}
                  for name, (bos, eos, marked) in TOKENIZERS.items()}
    lines = ",\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    text = f'{{"tokenizers": {json.dumps(tokenizers)},\n"records": [\n{lines}\n]}}\n'
    (HERE / "records.json").write_text(text, encoding="utf-8")
    print(len(records), "records")


if __name__ == "__main__":
    main()
