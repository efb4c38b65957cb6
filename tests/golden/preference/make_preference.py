#!/usr/bin/env python3
"""Writes tests/golden/preference/preference.json: what TRL's DPO loss says of fixed logits, for tests/contract_training/preference_golden_test.cpp.

Run:  .deps/oracles/bin/python tests/golden/preference/make_preference.py     (the environment of scripts/oracles)

The loss is TRL's own code: DPOTrainer._compute_loss with loss_type sigmoid and the reference's log-probabilities given, called with a trainer that has only what that function reads, and a
"model" that gives back the log-probabilities of fixed logits, taken by TRL's selective_log_softmax. Numbers are drawn so that float32 holds them exactly; TRL computes in float64. A case:

  beta; vocabulary V; pairs of {chosen, rejected}, each {ids [T], learned [T] (0 or 1), logits [T * V], reference}; and of TRL's side
  logps [pairs][2], loss (mean over pairs), margins [pairs], accuracy (share of pairs with a margin above 0), gradient of the loss by logps [pairs][2] and by the logits of each answer.
"""
import json
import os
from collections import defaultdict
from types import SimpleNamespace

import torch
import trl
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.utils import selective_log_softmax

HERE = os.path.dirname(os.path.abspath(__file__))
VOCABULARY = 12


def exact(x, step=1 / 64):
    """Near multiples of a power of two, which float32 holds exactly."""
    return torch.round(x / step).double() * step


def answer(generator, length, learned, scale):
    """`learned` last tokens of a text are its answer; the first token is never predicted, so never learned."""
    ids = torch.randint(0, VOCABULARY, (length,), generator=generator)
    return {"ids": ids.tolist(), "learned": [0] * (length - learned) + [1] * learned, "logits": exact(scale * torch.randn(length, VOCABULARY, generator=generator, dtype=torch.double))}


class Answers(torch.nn.Module):
    """The model that TRL asks: padded logits [2 B, T, V], all chosen answers before all rejected ones, as its collator has them."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.nn.Parameter(logits)
        self.log_probs = None

    def forward(self, input_ids, labels, attention_mask, use_cache, fused_lm_head):
        # The log-probabilities that TRL's fused head gives: of the next token, 0 where it is not learned.
        self.log_probs = selective_log_softmax(self.logits[:, :-1], input_ids[:, 1:], row_mask=labels[:, 1:].ne(-100))
        self.log_probs.retain_grad()
        unused = torch.zeros_like(self.log_probs)
        return SimpleNamespace(log_probs=self.log_probs, entropy=unused, mean_logits=unused, is_top1=unused.bool())


def trainer(model, beta):
    gather = lambda x: x
    return SimpleNamespace(
        model=model, ref_model=None, beta=beta, loss_types=["sigmoid"], loss_weights=[1.0], f_divergence_type="reverse_kl", ld_alpha=None, precompute_ref_logps=True, use_weighting=False,
        aux_loss_enabled=False, label_smoothing=0.0, _metrics={"train": defaultdict(list)}, _total_train_tokens=0, _tp_size=1,
        accelerator=SimpleNamespace(device=torch.device("cpu"), gather=gather, gather_for_metrics=gather))


def padded(texts, key, dtype):
    longest = max(len(t["ids"]) for t in texts)
    return torch.tensor([list(t[key]) + [0] * (longest - len(t[key])) for t in texts], dtype=dtype)


def case(seed, pairs, beta, scale, distance):
    generator = torch.Generator().manual_seed(seed)
    integer = lambda low, high: int(torch.randint(low, high, (1,), generator=generator))
    chosen, rejected = ([answer(generator, integer(4, 9), integer(1, 4), scale) for _ in range(pairs)] for _ in range(2))
    texts = chosen + rejected
    longest = max(len(t["ids"]) for t in texts)
    model = Answers(torch.stack([torch.cat([t["logits"], torch.zeros(longest - len(t["ids"]), VOCABULARY)]) for t in texts]))
    ids, learned = padded(texts, "ids", torch.long), padded(texts, "learned", torch.long)
    attention = torch.tensor([[1] * len(t["ids"]) + [0] * (longest - len(t["ids"])) for t in texts])
    with torch.no_grad():
        logps = selective_log_softmax(model.logits[:, :-1], ids[:, 1:], row_mask=learned[:, 1:]).sum(1)
        reference = exact(logps + distance * torch.randn(2 * pairs, generator=generator, dtype=torch.double))
    state = trainer(model, beta)
    inputs = {"input_ids": ids, "attention_mask": attention, "completion_mask": learned, "ref_chosen_logps": reference[:pairs], "ref_rejected_logps": reference[pairs:]}
    loss = DPOTrainer._compute_loss(state, model, inputs, return_outputs=False)
    loss.backward()
    margins = beta * ((logps[:pairs] - reference[:pairs]) - (logps[pairs:] - reference[pairs:]))
    said = {name: value[0] for name, value in state._metrics["train"].items()}
    assert abs(said["rewards/margins"] - margins.mean().item()) < 1e-9
    assert margins.abs().min() > 1e-3, "a tie is counted differently on purpose"
    # The gradient by a text's log-probability is that by any of its learned tokens; its last one is such.
    last = attention.sum(1) - 2
    by_text = model.log_probs.grad[torch.arange(2 * pairs), last]
    for side, texts_of, begin in (("chosen", chosen, 0), ("rejected", rejected, pairs)):
        for i, text in enumerate(texts_of):
            length = len(text["ids"])
            text.update(logits=text["logits"].flatten().tolist(), reference=reference[begin + i].item(), gradient=model.logits.grad[begin + i, :length].flatten().tolist())
    return {"beta": beta, "vocabulary": VOCABULARY, "pairs": [{"chosen": c, "rejected": r} for c, r in zip(chosen, rejected)],
            "logps": [[logps[i].item(), logps[pairs + i].item()] for i in range(pairs)], "loss": loss.item(), "margins": margins.tolist(),
            "mean_margin": said["rewards/margins"], "accuracy": said["rewards/accuracies"], "gradient": [[by_text[i].item(), by_text[pairs + i].item()] for i in range(pairs)]}


golden = {
    "versions": {"torch": torch.__version__, "trl": trl.__version__},
    "cases": [case(seed=1, pairs=8, beta=0.1, scale=1.0, distance=2.0), case(seed=2, pairs=5, beta=0.5, scale=2.0, distance=1.0), case(seed=3, pairs=1, beta=0.1, scale=1.0, distance=3.0),
              # Answers that are all but certain, and margins at which a plain log(sigmoid) is infinite.
              case(seed=4, pairs=6, beta=1.0, scale=8.0, distance=400.0), case(seed=5, pairs=4, beta=0.01, scale=0.5, distance=20.0)],
}
with open(os.path.join(HERE, "preference.json"), "w") as file:
    json.dump(golden, file)
    file.write("\n")
