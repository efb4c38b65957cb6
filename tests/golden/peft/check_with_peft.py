#!/usr/bin/env python3
"""Loads the adapter folders that graft writes with Hugging Face peft and compares logits, tensors and fields.

Run after building the tests (torch 2.13, transformers 5.23, peft 0.21):
  .deps/oracles/bin/python tests/golden/peft/check_with_peft.py build/dev/tests/unit/peft/test_unit_peft

The program given writes the folders (tests/unit/peft/export_test.cpp) into a scratch folder. Exits with 1 when anything differs.
"""
import glob
import json
import os
import subprocess
import sys
import tempfile
import warnings

import peft
import torch
import transformers as hf
from safetensors.torch import load_file

hf.logging.set_verbosity_error()
hf.logging.disable_progress_bar()
warnings.filterwarnings("ignore")
torch.set_num_threads(1)


def check(folder):
    config = json.load(open(os.path.join(folder, "adapter_config.json")))
    theirs = set(peft.LoraConfig().to_dict()) | {"peft_version"}
    assert set(config) == theirs, f"fields differ: {set(config) ^ theirs}"
    assert list(config) == sorted(config), "peft sorts its fields"
    cls = getattr(hf, config["auto_mapping"]["base_model_class"])
    base = cls.from_pretrained(config["base_model_name_or_path"]).eval()
    model = peft.PeftModel.from_pretrained(base, folder).eval()
    file = load_file(os.path.join(folder, "adapter_model.safetensors"))
    # Every tensor of the file went into the model, and the model wants no others.
    state = peft.get_peft_model_state_dict(model)
    assert set(state) == set(file), f"tensors differ: {sorted(set(state) ^ set(file))[:4]}"
    assert all(torch.equal(state[k], file[k]) for k in file), "values differ"
    expected = load_file(os.path.join(folder, "expected.safetensors"))
    with torch.no_grad():
        gap = float((model(expected["pixels"]).logits - expected["logits"]).abs().max())
        auto = peft.AutoPeftModel.from_pretrained(folder).eval()
        assert torch.equal(auto(expected["pixels"]).logits, model(expected["pixels"]).logits), "AutoPeftModel differs"
        try:
            merged = model.merge_and_unload()
            merge = f"{float((merged(expected['pixels']).logits - expected['logits']).abs().max()):.1e}"
        except NotImplementedError:
            merge = "peft cannot (grouped convolution)"
    print(f"{os.path.basename(folder):20s} {len(file):4d} tensors  rank_pattern {len(config['rank_pattern']):2d}  logits differ by {gap:.1e}, merged {merge}")
    return gap <= 1e-5


def main():
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run([sys.argv[1], "--gtest_filter=*PeftExport*"], env={**os.environ, "GRAFT_WRITE_ADAPTERS": scratch}, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(done.stdout + done.stderr)
        if not os.listdir(scratch):
            sys.exit("the program wrote no folder")
        folders = sorted(glob.glob(os.path.join(scratch, "*")))
        results = [check(folder) for folder in folders]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
