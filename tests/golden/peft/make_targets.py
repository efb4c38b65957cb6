#!/usr/bin/env python3
"""Writes targets.json: which layers peft 0.21 takes a configuration to mean, and which rank and alpha each gets.

Run:  .deps/oracles/bin/python tests/golden/peft/make_targets.py
"""
import json
import os
from types import SimpleNamespace

from peft.tuners.tuners_utils import check_target_module_exists
from peft.utils.other import get_pattern_key

PATHS = ["vit.embeddings.patch_embeddings.projection", "classifier", "cls_classifier", "classifier.1", "layers.0.fc1", "blocks.3.fc1"]
PATHS += [f"vit.layers.{i}.attention.{m}" for i in (0, 1, 10, 11) for m in ("q_proj", "v_proj", "o_proj")]
PATHS += [f"vit.layers.{i}.mlp.fc{j}" for i in (0, 1, 10, 11) for j in (1, 2)]
PATHS += [f"resnet.encoder.stages.{s}.layers.{i}.layer.{k}.convolution" for s in (0, 1) for i in (0, 1) for k in (0, 2)]

TARGETS = [
    dict(target_modules=["q_proj", "v_proj"]),
    dict(target_modules=["attention.q_proj", "1.mlp.fc2", "classifier"]),
    dict(target_modules=["proj"]),
    dict(target_modules=["vit.layers.1.attention.q_proj", "fc1"], layers_to_transform=[0, 11]),
    dict(target_modules=["fc1", "fc2"], layers_to_transform=1),
    dict(target_modules=["fc1", "fc2"], layers_to_transform=[]),
    dict(target_modules=["convolution"], layers_to_transform=[1]),
    dict(target_modules=["convolution"], layers_to_transform=[1], layers_pattern="layers"),
    dict(target_modules=["convolution"], layers_to_transform=[1], layers_pattern=["layer", "layers"]),
    dict(target_modules=["fc1", "convolution"], layers_to_transform=[0], layers_pattern=["layers"]),
    dict(target_modules=r".*\.(q_proj|v_proj)"),
    dict(target_modules=r"vit\.layers\.1\d?\.mlp\.fc[12]"),
    dict(target_modules=r"(?:vit|resnet)\..*stages\.[^0].*"),
    dict(target_modules="classifier"),
    dict(target_modules=["q_proj", "fc1", "classifier", "cls_classifier"], modules_to_save=["classifier"]),
    dict(target_modules=r".*", modules_to_save=["vit.layers.0"], exclude_modules=r".*layers\.1.*"),
    dict(target_modules=["q_proj", "convolution"], exclude_modules=["0.attention.q_proj", "layer.2.convolution"]),
]
PATTERNS = [
    {"q_proj": 1, "attention.q_proj": 2},
    {"attention.q_proj": 2, "q_proj": 1},
    {r"layers\.\d+\.mlp\.fc1": 3, "fc2|o_proj": 4, "fc1": 5},
    {r"^vit\.layers\.0\.mlp\.fc1": 6, "^fc1": 7, "_proj": 8, "v.proj": 9},
    {"vit.layers.1.mlp.fc1": 1, "1.mlp.fc1": 2, "1.mlp.fc2": 3},
    {r".*\.1\..*": 1, "[a-z]+_classifier": 2, "classifier": 3, r"layer\.(?!0).*": 4},
]


def matches(config, path):
    config = SimpleNamespace(**config)
    return bool(check_target_module_exists(config, path))


out = {
    "paths": PATHS,
    "targets": [{"config": c, "match": [matches(c, p) for p in PATHS]} for c in TARGETS],
    "patterns": [{"pattern": c, "value": [c.get(get_pattern_key(c.keys(), p), 0) for p in PATHS]} for c in PATTERNS],
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "targets.json"), "w") as f:
    f.write("{\n" + ",\n".join(f'"{k}": [\n' + ",\n".join(json.dumps(row) for row in v) + "\n]" for k, v in out.items()) + "\n}\n")
