#!/usr/bin/env python3
"""Writes the golden text models of tests/golden/text_models/: tiny random checkpoints and the numbers that transformers computes with them.

Run:  python tests/golden/text_models/make_text_models.py [--only NAME ...]     in the environment of scripts/oracles (torch 2.13, transformers 5.23, safetensors)

Each folder holds config.json and model.safetensors as save_pretrained writes them (hub names) and golden.safetensors; README.md has the names and the oddities.
Everything in it is float32 or int64 but train_loss, and from eager attention in eval mode:
  input_ids, attention_mask [B,S] right padded, token_type_ids (bert_pairs only), positions by default,
  logits [B,3], [B,S,3] of token classifiers, or [B,S,V] (zero at padding), labels [B] or [B,S] (-100 at padding and in the first third of each row, of token classifiers at
     every third place; not shifted), loss [] as transformers computes it,
  grad.<module parameter name>: of that loss, left out above 16384 elements; a tied parameter once, under the embedding's name,
  train_loss [10]: ten AdamW steps on that batch, before each update; lr 1e-3, betas .9 .999, eps 1e-8, weight decay .01 for parameters with more than one dimension and 0
     for the others. float64, in double precision throughout but for the rotary frequencies, which keep their float32 values;
  tolerance.train_loss [10]: how far a correct float32 program may be away, as in tests/golden/models/make_models.py,
  left.input_ids, .attention_mask, .logits and, where the model must be told, .position_ids: the same texts left padded,
  packed.input_ids, .position_ids [1,T], .logits [1,T,V]: the same texts one after another, each seeing only itself (language models),
  greedy [B,20]: the continuation of each row's real tokens by generate(), no stop (decoders),
  rope.[<layer type>_]inv_freq [d/2], rope.[<layer type>_]attention_scaling []: what rotates on that batch, and the factor on cosine and sine.
bert_base has last_hidden_state [B,S,H] in place of logits and neither labels nor what comes from them. llama_rope_dynamic and phi3_longrope choose frequencies by the longest
position of a batch: there packed.batch_logits is the packed batch in one forward pass, greedy_no_cache the greedy continuation by whole forward passes,
short.input_ids, .attention_mask, .logits a batch that ends at original_max_position_embeddings (max_position_embeddings for dynamic), rope.original_inv_freq its frequencies.
The file's metadata entry "info" is JSON with the versions, the seed and the smallest lead of a greedy choice over the second.
"""
import argparse
import copy
import json
import os
import shutil
import time
import zlib
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))

import torch  # noqa: E402
import transformers as hf  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import modeling_rope_utils as rope_utils  # noqa: E402

hf.logging.set_verbosity_error()
hf.logging.disable_progress_bar()
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

V = 97
GRADIENT_LIMIT = 16384
NEW_TOKENS = 20
CLASSES = ["negative", "neutral", "positive"]
LABELS = dict(id2label={i: n for i, n in enumerate(CLASSES)}, label2id={n: i for i, n in enumerate(CLASSES)})
TAGS = ["O", "B-X", "I-X"]
TAGGED = dict(id2label={i: n for i, n in enumerate(TAGS)}, label2id={n: i for i, n in enumerate(TAGS)})
SHORT, LONG = (9, 12, 7), (17, 24, 6)  # lengths of the three rows

BERT = dict(vocab_size=V, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=20, max_position_embeddings=16,
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
ROBERTA = dict(BERT, max_position_embeddings=18, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=2)
DISTILBERT = dict(vocab_size=V, dim=32, n_layers=2, n_heads=4, hidden_dim=20, max_position_embeddings=16, dropout=0.0, attention_dropout=0.0,
                  seq_classif_dropout=0.0)
MODERNBERT = dict(vocab_size=V, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=16, max_position_embeddings=64, local_attention=6,
                  pad_token_id=0, bos_token_id=2, cls_token_id=2, eos_token_id=3, sep_token_id=3)
DEBERTA = dict(vocab_size=V, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=20, max_position_embeddings=32, type_vocab_size=0,
               hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, pooler_dropout=0.0, relative_attention=True, position_buckets=8, norm_rel_ebd="layer_norm",
               share_att_key=True, pos_att_type="p2c|c2p", max_relative_positions=-1, position_biased_input=False, layer_norm_eps=1e-7)
# What v3 left behind: every distance has its row, projections of its own for positions, absolute positions, types, narrow embeddings, a convolution.
DEBERTA_V2 = dict(DEBERTA, position_buckets=-1, max_relative_positions=10, norm_rel_ebd="none", share_att_key=False, position_biased_input=True, type_vocab_size=2,
                  embedding_size=20, conv_kernel_size=3, conv_act="gelu")
GPT2 = dict(vocab_size=V, n_positions=48, n_embd=32, n_layer=2, n_head=4, n_inner=20, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
            bos_token_id=V - 1, eos_token_id=V - 1)
LLAMA = dict(vocab_size=V, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=20, max_position_embeddings=256)
GQA = dict(LLAMA, num_key_value_heads=2, tie_word_embeddings=True)
QWEN = dict(GQA, bos_token_id=None, eos_token_id=2, rms_norm_eps=1e-6, rope_parameters={"rope_type": "default", "rope_theta": 1e6})
GEMMA = dict(GQA, head_dim=10, pad_token_id=0, eos_token_id=1, bos_token_id=2)
PHI3 = dict(LLAMA, num_key_value_heads=2, intermediate_size=20, pad_token_id=2, eos_token_id=2, bos_token_id=1, original_max_position_embeddings=256)
ROPE = {"rope_type": "default", "rope_theta": 10000.0}


@dataclass
class Case:
    model: type
    config: object
    kind: str  # classify, tokens, mlm, causal, base
    lengths: tuple = SHORT
    special: dict = field(default_factory=dict)  # ids around a text, the mask, the lowest id of a word
    left: str = "positions"  # left padding: "positions" given, "" none needed, "no": the first position is pooled
    pairs: bool = False
    short: int = 0  # the length at which frequencies change
    matters: tuple = ()  # changes of the config that must change the logits
    idle: tuple = ()  # parameters that nothing reads

    @property
    def decoder(self):
        return self.special is DECODER


WORDPIECE = dict(cls=2, sep=3, mask=4, low=5)
FAIRSEQ = dict(cls=0, sep=2, mask=V - 1, low=3)
DECODER = dict(low=3)


def classifier(model, config, left="no", **more):
    return Case(model, config, "classify", left=left, **{"special": WORDPIECE, **more})


def tokens(model, config, left="positions", **more):
    return Case(model, config, "tokens", left=left, **{"special": WORDPIECE, **more})


def mlm(model, config, left="positions", **more):
    return Case(model, config, "mlm", left=left, **{"special": WORDPIECE, **more})


def causal(model, config, **more):
    return Case(model, config, "causal", special=DECODER, **more)


def llama(lengths=SHORT, matters=(), short=0, **config):
    return causal(hf.LlamaForCausalLM, hf.LlamaConfig(**config), lengths=lengths, matters=matters, short=short)


def cases():
    long_only = dict(lengths=LONG)
    plain_rope = dict(lengths=LONG, matters=({"rope_parameters": ROPE},))
    return {
        "bert": classifier(hf.BertForSequenceClassification, hf.BertConfig(**BERT, **LABELS)),
        "bert_pairs": classifier(hf.BertForSequenceClassification, hf.BertConfig(**BERT, **LABELS), pairs=True),
        "distilbert": classifier(hf.DistilBertForSequenceClassification, hf.DistilBertConfig(**DISTILBERT, **LABELS)),
        "roberta": classifier(hf.RobertaForSequenceClassification, hf.RobertaConfig(**ROBERTA, **LABELS), special=FAIRSEQ),
        "xlm_roberta": classifier(hf.XLMRobertaForSequenceClassification, hf.XLMRobertaConfig(**ROBERTA, **LABELS), special=FAIRSEQ),
        "modernbert": classifier(hf.ModernBertForSequenceClassification, hf.ModernBertConfig(**MODERNBERT, **LABELS), **long_only,
                                 matters=({"local_attention": 8}, {"layer_types": ["full_attention"] * 3}, {"classifier_pooling": "mean"})),
        # The second sequence of layers: the last one is global again.
        "modernbert_mean": classifier(hf.ModernBertForSequenceClassification,
                                      hf.ModernBertConfig(**MODERNBERT, **LABELS, classifier_pooling="mean", global_attn_every_n_layers=2), "positions", **long_only),
        "deberta_v3": classifier(hf.DebertaV2ForSequenceClassification, hf.DebertaV2Config(**DEBERTA, **LABELS), **long_only,
                                 matters=({"position_buckets": 4}, {"pos_att_type": ["c2p"]}, {"pos_att_type": ["p2c"]}, {"norm_rel_ebd": "none"})),
        "deberta_v2": classifier(hf.DebertaV2ForSequenceClassification, hf.DebertaV2Config(**DEBERTA_V2, **LABELS), **long_only, pairs=True,
                                 matters=({"conv_kernel_size": 0}, {"pos_att_type": ["c2p"]}, {"pos_att_type": ["p2c"]}, {"share_att_key": True})),
        "bert_mlm": mlm(hf.BertForMaskedLM, hf.BertConfig(**BERT)),
        "distilbert_mlm": mlm(hf.DistilBertForMaskedLM, hf.DistilBertConfig(**DISTILBERT)),
        "roberta_mlm": mlm(hf.RobertaForMaskedLM, hf.RobertaConfig(**ROBERTA), "", special=FAIRSEQ),
        "modernbert_mlm": mlm(hf.ModernBertForMaskedLM, hf.ModernBertConfig(**MODERNBERT), matters=({"local_attention": 8},)),
        # The head of the published v3 checkpoints, and the one that transformers builds unless the config says "legacy": false.
        "deberta_v3_mlm": mlm(hf.DebertaV2ForMaskedLM, hf.DebertaV2Config(**DEBERTA, legacy=False), ""),
        "deberta_v3_mlm_legacy": mlm(hf.DebertaV2ForMaskedLM, hf.DebertaV2Config(**DEBERTA), ""),
        # Narrow embeddings: the head's transform makes rows as wide as those.
        "deberta_v2_mlm": mlm(hf.DebertaV2ForMaskedLM, hf.DebertaV2Config(**DEBERTA_V2), lengths=LONG),
        # An output matrix that is not the embedding.
        "bert_mlm_untied": mlm(hf.BertForMaskedLM, hf.BertConfig(**BERT, tie_word_embeddings=False), idle=("cls.predictions.bias",)),
        "bert_tokens": tokens(hf.BertForTokenClassification, hf.BertConfig(**BERT, **TAGGED)),
        "distilbert_tokens": tokens(hf.DistilBertForTokenClassification, hf.DistilBertConfig(**DISTILBERT, **TAGGED)),
        "roberta_tokens": tokens(hf.RobertaForTokenClassification, hf.RobertaConfig(**ROBERTA, **TAGGED), "", special=FAIRSEQ),
        "deberta_v3_tokens": tokens(hf.DebertaV2ForTokenClassification, hf.DebertaV2Config(**DEBERTA, **TAGGED), "", **long_only),
        "modernbert_tokens": tokens(hf.ModernBertForTokenClassification, hf.ModernBertConfig(**MODERNBERT, **TAGGED), **long_only),
        "llama_tokens": tokens(hf.LlamaForTokenClassification, hf.LlamaConfig(**{**GQA, "tie_word_embeddings": False}, **TAGGED, classifier_dropout=0.0), special=DECODER),
        "gpt2_tokens": tokens(hf.GPT2ForTokenClassification, hf.GPT2Config(**GPT2, **TAGGED, classifier_dropout=0.0), special=DECODER),
        "bert_base": Case(hf.BertModel, hf.BertConfig(**BERT), "base", special=WORDPIECE),
        "gpt2": causal(hf.GPT2LMHeadModel, hf.GPT2Config(**GPT2)),
        "llama": llama(**LLAMA),
        "llama_gqa_tied": llama(**GQA),
        # High, middle and low frequencies (wavelengths 6.3, 63, 628, 6283), each treated in its own way.
        "llama_rope_llama3": llama(**GQA, **plain_rope, rope_parameters={
            **ROPE, "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}),
        "llama_rope_linear": llama(**GQA, **plain_rope, rope_parameters={**ROPE, "rope_type": "linear", "factor": 4.0}),
        "llama_rope_dynamic": llama(**{**GQA, "max_position_embeddings": 16}, **plain_rope, short=16, rope_parameters={**ROPE, "rope_type": "dynamic", "factor": 2.0}),
        "llama_rope_yarn": llama(**GQA, **plain_rope, rope_parameters={
            **ROPE, "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}),
        "llama_bias": llama(**GQA, attention_bias=True, mlp_bias=True),
        "mistral": causal(hf.MistralForCausalLM, hf.MistralConfig(**GQA, sliding_window=6), **long_only, matters=({"sliding_window": None}, {"sliding_window": 7})),
        "qwen2": causal(hf.Qwen2ForCausalLM, hf.Qwen2Config(**{**QWEN, "tie_word_embeddings": False})),
        "qwen2_sliding": causal(hf.Qwen2ForCausalLM, hf.Qwen2Config(**QWEN, use_sliding_window=True, sliding_window=6, max_window_layers=1), **long_only,
                                matters=({"layer_types": ["full_attention"] * 2}, {"layer_types": ["sliding_attention"] * 2})),
        "qwen3": causal(hf.Qwen3ForCausalLM, hf.Qwen3Config(**QWEN, head_dim=10)),
        "gemma": causal(hf.GemmaForCausalLM, hf.GemmaConfig(**{**GEMMA, "num_key_value_heads": 1})),
        "gemma2": causal(hf.Gemma2ForCausalLM, hf.Gemma2Config(**GEMMA, query_pre_attn_scalar=16, sliding_window=6, attn_logit_softcapping=2.0, final_logit_softcapping=3.0),
                         **long_only, matters=({"query_pre_attn_scalar": 10}, {"sliding_window": 7}, {"attn_logit_softcapping": None}, {"final_logit_softcapping": None})),
        "gemma3_text": causal(hf.Gemma3ForCausalLM,
                              hf.Gemma3TextConfig(**GEMMA, query_pre_attn_scalar=16, sliding_window=6, layer_types=["sliding_attention", "full_attention"], rope_parameters={
                                  "sliding_attention": dict(ROPE), "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6}}),
                              **long_only, matters=({"query_pre_attn_scalar": 10}, {"sliding_window": 7}, {"rope_parameters": {
                                  "sliding_attention": ROPE, "full_attention": {"rope_type": "default", "rope_theta": 1e6}}})),
        "phi3": causal(hf.Phi3ForCausalLM, hf.Phi3Config(**PHI3)),
        "phi3_longrope": causal(hf.Phi3ForCausalLM, hf.Phi3Config(**{**PHI3, "max_position_embeddings": 64, "original_max_position_embeddings": 16}, rope_parameters={
            "rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0, 1.1, 1.3, 1.6], "long_factor": [1.5, 2.0, 3.0, 4.0]}), **long_only, short=16),
        "llama_classifier": classifier(hf.LlamaForSequenceClassification, hf.LlamaConfig(**{**GQA, "tie_word_embeddings": False}, **LABELS, pad_token_id=0),
                                       "positions", special=DECODER),
        "gpt2_classifier": classifier(hf.GPT2ForSequenceClassification, hf.GPT2Config(**GPT2, **LABELS, pad_token_id=V - 1), "positions", special=DECODER),
    }


class Exact(torch.overrides.TorchFunctionMode):
    """Makes a float64 model stay in float64: eager attention, RMS norms, rotary angles and losses of transformers turn to float32 in between."""

    @staticmethod
    def wider(x):
        return torch.float64 if x is torch.float32 else x

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.Tensor.float:
            func = torch.Tensor.double
        return func(*[self.wider(a) for a in args], **{k: self.wider(v) for k, v in (kwargs or {}).items()})


def keep_rope_frequencies_single():
    """The rules that compute frequencies during a forward pass do it as they do when the model is made."""
    def outside(rule):
        def run(*args, **kwargs):
            with torch._C.DisableTorchFunction():
                return rule(*args, **kwargs)
        return run
    for name, rule in rope_utils.ROPE_INIT_FUNCTIONS.items():
        rope_utils.ROPE_INIT_FUNCTIONS[name] = outside(rule)


def randomize(model, seed):
    """Values of a size that makes every tensor matter; the library's own init leaves zeros, ones and 0.02-sized weights."""
    g = torch.Generator().manual_seed(seed)
    gemma = "gemma" in model.config.model_type  # norms multiply by 1 + weight, embeddings by sqrt(hidden_size)
    with torch.no_grad():
        for name, t in model.named_parameters():
            normal = torch.randn(t.shape, generator=g)
            uniform = torch.rand(t.shape, generator=g)
            if name.endswith("bias"):
                t.copy_(0.2 * normal)
            elif t.dim() <= 1:
                t.copy_((1.0 if gemma and name == "model.norm.weight" else -0.4 if gemma else 0.6) + 0.8 * uniform)
            else:
                inputs = t.shape[0] if ".c_" in name else t.shape[1]  # GPT-2's Conv1D
                # Decoders whose layers look and write little, beside what the embeddings say, continue a text with one token for ever.
                strong = name.endswith(("o_proj.weight", "down_proj.weight", "c_proj.weight", "c_attn.weight", "wpe.weight")) or gemma and "q_proj" in name
                gain = 2.0 if strong or t.shape[0] == len(CLASSES) else 0.3 if gemma and "embed_tokens" in name else 1.0
                t.copy_(normal * gain / inputs ** 0.5)


def padded(rows, pad, left=False):
    length = max(len(r) for r in rows)
    fill = lambda r, value: [value] * (length - len(r))  # noqa: E731
    join = lambda r, f: torch.tensor([fill(x, f) + y if left else y + fill(x, f) for x, y in zip(rows, r)])  # noqa: E731
    return {"input_ids": join(rows, pad), "attention_mask": join([[1] * len(r) for r in rows], 0)}


def texts(case, lengths, seed):
    """Rows of token ids without padding. No word has the id of padding."""
    g = torch.Generator().manual_seed(seed)
    special, bos = case.special, getattr(case.config, "bos_token_id", None)
    high = special["mask"] if special is FAIRSEQ else V - 1
    rows = []
    for n in lengths:
        row = torch.randint(special["low"], high, (n,), generator=g).tolist()
        if "cls" in special:
            row[0], row[-1] = special["cls"], special["sep"]
        elif bos is not None and bos < special["low"]:
            row[0] = bos
        rows.append(row)
    return rows


def batch_of(case, rows, seed):
    """Inputs by name, and labels."""
    g = torch.Generator().manual_seed(seed)
    pad = case.config.pad_token_id
    batch = padded(rows, 0 if pad is None else pad)
    if case.pairs:
        batch["token_type_ids"] = torch.zeros_like(batch["input_ids"])
        for i, row in enumerate(rows):
            middle = len(row) // 2
            row[middle] = batch["input_ids"][i, middle] = case.special["sep"]
            batch["token_type_ids"][i, middle + 1:len(row)] = 1
    if case.kind == "classify":
        return batch, torch.randperm(len(CLASSES), generator=g)
    if case.kind == "tokens":
        labels = torch.randint(len(TAGS), batch["input_ids"].shape, generator=g)
        labels[:, ::3] = -100
        return batch, labels.masked_fill(batch["attention_mask"] == 0, -100)
    labels = batch["input_ids"].clone()
    for i, row in enumerate(rows):
        labels[i, :len(row) // 3] = -100
        labels[i, len(row):] = -100
        if case.kind == "mlm":  # every second place of the labelled ones is masked, the last one is the separator
            for j in range(len(row) // 3 + 1, len(row) - 1, 2):
                row[j] = batch["input_ids"][i, j] = case.special["mask"]
    return batch, labels


class Made:
    """One case's folder: models with its weights, each new (two rules for rotary frequencies remember what they have seen)."""

    def __init__(self, case, folder):
        self.case = case
        self.single = case.model.from_pretrained(folder, attn_implementation="eager").eval()
        self.wide = case.model.from_pretrained(folder, attn_implementation="eager", dtype=torch.float64).eval()

    def new(self, wide=False):
        return copy.deepcopy(self.wide if wide else self.single)

    def forward(self, model, inputs, labels=None):
        more = {"use_cache": False} if self.case.decoder else {}
        if labels is not None:
            more["labels"] = labels
        return model(**inputs, **more)

    def result(self, inputs, wide=False, model=None):
        """Logits, or hidden states of a bare encoder; zero at padding."""
        with torch.no_grad():
            if wide:
                with Exact():
                    out = self.forward(model or self.new(True), inputs)
            else:
                out = self.forward(model or self.new(), inputs)
        out = out.last_hidden_state if self.case.kind == "base" else out.logits
        return out if out.dim() < 3 or "attention_mask" not in inputs else out * inputs["attention_mask"][..., None]


def train(made, model, batch, labels, steps=10):
    model.train()
    groups = [{"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": 0.01},
              {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0}]
    opt = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.999), eps=1e-8)
    losses = []
    for _ in range(steps):
        opt.zero_grad(set_to_none=True)
        loss = made.forward(model, batch, labels).loss
        loss.backward()
        opt.step()
        losses.append(loss.detach())
    return torch.stack(losses)


def training(made, batch, labels, seed):
    with Exact():
        reference = train(made, made.new(True), batch, labels)
    assert reference.dtype == torch.float64
    others = [train(made, made.new(), batch, labels)]
    noise = torch.Generator().manual_seed(seed)
    for _ in range(6):
        other = made.new()
        with torch.no_grad():
            for p in other.parameters():
                p.mul_(1 + 1e-7 * torch.randn(p.shape, generator=noise))
        others.append(train(made, other, batch, labels))
    gap = torch.stack([(reference - o.double()).abs() for o in others]).amax(0)
    return {"train_loss": reference, "tolerance.train_loss": (4 * gap.cummax(0).values + 1e-5).float()}


def close(a, b, what, tolerance=1e-5):
    difference = float((a.double() - b.double()).abs().max().detach())
    assert difference < tolerance, f"{what}: {difference:.2e}"
    return difference


def left_padded(made, rows, right):
    case = made.case
    pad = case.config.pad_token_id
    inputs = padded(rows, 0 if pad is None else pad, left=True)
    if case.left:
        inputs["position_ids"] = (inputs["attention_mask"].cumsum(-1) - 1).clamp(min=0)
    out = made.result(inputs)
    if out.dim() == 3:
        for i, row in enumerate(rows):
            close(out[i, -len(row):], right[i, :len(row)], "left padding")
    else:
        close(out, right, "left padding")
    return {**{"left." + k: v for k, v in inputs.items()}, "left.last_hidden_state" if case.kind == "base" else "left.logits": out}


def packed(made, rows, right):
    inputs = {"input_ids": torch.tensor([sum(rows, [])]), "position_ids": torch.cat([torch.arange(len(r)) for r in rows])[None]}
    alone = torch.cat([made.result({"input_ids": torch.tensor([r])}) for r in rows], 1)
    out = {**{"packed." + k: v for k, v in inputs.items()}, "packed.logits": alone}
    at = 0
    for i, row in enumerate(rows):
        if not made.case.short or len(row) == right.shape[1]:
            close(alone[:, at:at + len(row)], right[i:i + 1, :len(row)], "alone")
        at += len(row)
    if made.case.decoder:  # transformers finds the documents by their positions; it packs no encoder
        together = made.result(inputs)
        if made.case.short:
            out["packed.batch_logits"] = together
            assert (together - alone).abs().max() > 1e-2
        else:
            close(together, alone, "packed")
    return out


def greedy_by_passes(made, row):
    """Greedy continuation without a cache, in double precision: ids and the smallest lead over the second choice."""
    row, lead = list(row), float("inf")
    model = None if made.case.short else made.new(True)
    start = len(row)
    for _ in range(NEW_TOKENS):
        best = made.result({"input_ids": torch.tensor([row])}, wide=True, model=model)[0, -1].topk(2)
        lead = min(lead, float(best.values[0] - best.values[1]))
        row.append(int(best.indices[0]))
    return row[start:], lead


def generate(made, row):
    model = made.new()
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    ids = torch.tensor([row])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=NEW_TOKENS, return_dict_in_generate=True, output_logits=True)
    best = torch.cat(out.logits).topk(2, -1).values
    return out.sequences[0, len(row):].tolist(), float((best[:, 0] - best[:, 1]).min())


def choose_texts(made, seed):
    """Texts whose greedy continuations are clear (no near tie) and not one token over and over."""
    case = made.case
    for attempt in range(200):
        rows = texts(case, case.lengths, seed + attempt)
        if case.kind != "causal":
            return rows, {}, {}
        found = []
        for row in rows:
            tokens, lead = greedy_by_passes(made, row)
            if lead < 5e-3 or len(set(tokens)) < 6:
                break
            cached, cached_lead = generate(made, row)
            if cached_lead < 5e-3:
                break
            found.append((tokens, cached, min(lead, cached_lead)))
        if len(found) == len(rows):
            by_passes, cached = torch.tensor([f[0] for f in found]), torch.tensor([f[1] for f in found])
            out = {"greedy": cached}
            if case.short:
                out["greedy_no_cache"] = by_passes
            else:
                assert by_passes.equal(cached)
            return rows, out, {"greedy_lead": f"{min(f[2] for f in found):.1e}"}
    raise RuntimeError("no clear greedy continuation")


def check_matters(made, batch, right):
    for change in made.case.matters:
        config = copy.deepcopy(made.single.config)
        for k, v in change.items():
            setattr(config, k, v)
        other = made.case.model._from_config(config, attn_implementation="eager").eval()
        state = {k: v for k, v in made.single.state_dict().items() if k not in other.state_dict() or other.state_dict()[k].shape == v.shape}
        other.load_state_dict(state, strict=False)
        if "position_buckets" in change:
            other.deberta.encoder.rel_embeddings.weight = made.single.deberta.encoder.rel_embeddings.weight
        assert (made.result(batch, model=other) - right).abs().max() > 1e-2, change


def check_names(model, folder):
    """The file holds the module's parameters under the module's names, tied ones once; nothing else."""
    file, modules = load_file(os.path.join(folder, "model.safetensors")), dict(model.named_parameters())
    assert file.keys() == modules.keys()
    assert all(p.equal(file[n]) for n, p in modules.items())


def rotary(made, batch):
    """The frequencies of a forward pass on the batch, and the factor on cosine and sine."""
    model, out = made.new(), {}
    made.result(batch, model=model)
    for path, module in model.named_modules():
        if path.endswith("rotary_emb"):
            for n, b in module.named_buffers():
                if made.case.short or "original" not in n:
                    out["rope." + n] = b.float()
            out.update({"rope." + n: torch.tensor(float(v)) for n, v in vars(module).items() if n.endswith("attention_scaling")})
    return out


def make(name, case):
    seed = zlib.crc32(name.encode()) % 1000000
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    model = case.model._from_config(case.config, attn_implementation="eager").eval()
    randomize(model, seed)
    model.save_pretrained(folder)
    if os.path.exists(os.path.join(folder, "generation_config.json")):
        os.remove(os.path.join(folder, "generation_config.json"))
    made = Made(case, folder)
    check_names(made.single, folder)

    rows, out, info = choose_texts(made, seed + 1)
    batch, labels = batch_of(case, rows, seed + 2)
    out.update(batch)
    right = made.result(batch)
    drift = close(right, made.result(batch, wide=True), "double precision")
    out["last_hidden_state" if case.kind == "base" else "logits"] = right
    check_matters(made, batch, right)
    out.update(rotary(made, batch))
    if case.kind != "base":
        model = made.new()
        loss = made.forward(model, batch, labels).loss
        loss.backward()
        out["labels"], out["loss"] = labels, loss
        for n, p in model.named_parameters():
            assert (p.grad is None) == (n in case.idle), n
            if p.grad is not None and p.numel() <= GRADIENT_LIMIT:
                out["grad." + n] = p.grad
        out.update(training(made, batch, labels, seed + 3))
        close(out["loss"], out["train_loss"][0], "loss", float(out["tolerance.train_loss"][0]))
    if case.left != "no":
        out.update(left_padded(made, rows, right))
    if case.kind in ("causal", "mlm", "tokens"):
        out.update(packed(made, rows, right))
    if case.short:
        inputs = padded(texts(case, (case.short, case.short // 2, case.short - 3), seed + 4), case.config.pad_token_id or 0)
        out.update({"short." + k: v for k, v in inputs.items()}, **{"short.logits": made.result(inputs)})

    out = {k: v.detach().clone().contiguous() for k, v in out.items()}
    assert all(v.dtype in (torch.float32, torch.int64) for k, v in out.items() if k != "train_loss")
    info.update(case=name, seed=str(seed), torch=torch.__version__, transformers=hf.__version__, made_by="make_text_models.py")
    # One metadata entry: safetensors writes several in an order that changes from run to run.
    save_file(out, os.path.join(folder, "golden.safetensors"), metadata={"info": json.dumps(info, sort_keys=True)})
    for file in os.listdir(folder):  # safetensors writes files that only their owner may read
        os.chmod(os.path.join(folder, file), 0o644)
    return made.single, right, out, drift, info


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="*", default=None)
    args = parser.parse_args()
    keep_rope_frequencies_single()
    start, total = time.time(), 0
    for name, case in cases().items():
        if args.only is not None and name not in args.only:
            continue
        model, right, out, drift, info = make(name, case)
        folder = os.path.join(HERE, name)
        size = sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder))
        total += size
        numbers = f"loss {float(out['loss']):.3f} -> {float(out['train_loss'][-1]):.3f} +-{float(out['tolerance.train_loss'].max()):.1e}" if "loss" in out else ""
        print(f"{name:22s} {sum(p.numel() for p in model.parameters()):6d} params {size / 1000:6.1f} kB  logits +-{float(right.std()):.2f}  double {drift:.0e}"
              f"  {numbers}  {info.get('greedy_lead', '')}", flush=True)
    print(f"{total / 1e6:.2f} MB in {time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
