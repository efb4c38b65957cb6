"""What transformers' rules of sampling leave of random logits, for tests/unit/models/sampler_test.cpp.

.deps/oracles/bin/python tests/golden/generation/make_sampling.py writes sampling.json beside it. The rules are those that generate() itself puts together
(_get_logits_processor), so that their order is transformers' own. Of each case: logits [V] (float32, a few digits), the ids that the text has so far, the settings,
"scores" [V] where only the penalty acts, and "probabilities" [V] of do_sample. No cumulative probability lies within 1e-4 of a border.
"""
import json
import os
import random

import torch
import transformers as hf

HERE = os.path.dirname(os.path.abspath(__file__))
V = 40

SETTINGS = [
    {},
    {"temperature": 0.7},
    {"temperature": 2.5},
    {"top_k": 1},
    {"top_k": 5},
    {"top_k": 1000},
    {"top_p": 0.9},
    {"top_p": 0.3},
    {"top_p": 0.01},
    {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.8},
    {"temperature": 0.6, "top_k": 20, "top_p": 0.95},
    {"temperature": 1.4, "top_k": 7, "top_p": 0.8, "repetition_penalty": 1.15},
    {"temperature": 0.3, "top_p": 0.5, "repetition_penalty": 2.0},
]


def processors(model, ids, settings, do_sample):
    config = hf.GenerationConfig(do_sample=do_sample, **({"top_k": 0, **settings} if do_sample else {
        k: v for k, v in settings.items() if k == "repetition_penalty"}))
    config, _ = model._prepare_generation_config(config)
    model._prepare_special_tokens(config, device="cpu")
    return model._get_logits_processor(generation_config=config, input_ids_seq_length=ids.shape[1], encoder_input_ids=ids, prefix_allowed_tokens_fn=None,
                                       logits_processor=hf.LogitsProcessorList(), device="cpu")


def near_border(scores, top_p):
    shares = scores.double().softmax(-1).sort(descending=True).values.cumsum(-1)
    return bool(((shares - top_p).abs() < 1e-4).any())


def main():
    random.seed(5)
    generator = torch.Generator().manual_seed(5)
    model = hf.LlamaForCausalLM(hf.LlamaConfig(vocab_size=V, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
                                               bos_token_id=None, eos_token_id=None))
    cases = []
    for settings in SETTINGS:
        for spread in (1.0, 4.0):
            while True:
                logits = (torch.randn(1, V, generator=generator) * spread).mul(1000).round().div(1000)
                ids = torch.tensor([[random.randrange(V) for _ in range(9)]])
                penalized = processors(model, ids, settings, False)(ids, logits.clone())
                without = {k: v for k, v in settings.items() if k != "top_p"}
                if not near_border(processors(model, ids, without, True)(ids, logits.clone()), settings.get("top_p", 2)):
                    break
            probabilities = processors(model, ids, settings, True)(ids, logits.clone()).softmax(-1)
            cases.append({"settings": settings, "ids": ids[0].tolist(), "logits": logits[0].tolist(), "scores": penalized[0].tolist(),
                          "probabilities": probabilities[0].tolist()})
    with open(os.path.join(HERE, "sampling.json"), "w") as f:
        json.dump({"transformers": hf.__version__, "torch": torch.__version__, "cases": cases}, f)
        f.write("\n")
    print(len(cases), "cases")


if __name__ == "__main__":
    main()
