#!/usr/bin/env python3
"""Predicted memory and time beside what was measured, for four configurations (issue 3, section 6).

    python3 bench/predictions.py [--graft build/release/graft] [--only NAME]

Prints a markdown table. "Time" is the training time (caches filled, steps, data), without evaluation.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
VIT = ('{config: {model_type: vit, hidden_size: 192, num_hidden_layers: 12, num_attention_heads: 3, '
       'intermediate_size: 768, image_size: 224, patch_size: 16}, init: random}')
RESNET = ('{config: {model_type: resnet, hidden_sizes: [64, 128, 256, 512], depths: [2, 2, 2, 2], layer_type: basic}, '
          'init: random}')
MOBILENET = str(ROOT / 'examples/models/mobilenet_v2_0.35_224')
CASES = {
    'quickstart': [str(ROOT / 'examples/quickstart.yaml')],
    'layer-wise, cached': [f'model={MOBILENET}', 'strategy=layer-wise', 'augment=none', 'budget.epochs=10', 'lr=1e-3',
                           'precision=float32'],
    'ViT-Ti, LoRA': [f'model={VIT}', 'method=lora', 'strategy=full', 'train.batch=16', 'budget.steps=12', 'lr=1e-3',
                     'precision=float32'],
    'ResNet-18, full': [f'model={RESNET}', 'method=none', 'strategy=full', 'train.batch=16', 'budget.steps=10', 'lr=1e-3',
                        'precision=float32'],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--graft', default=str(ROOT / 'build/release/graft'))
    parser.add_argument('--only')
    args = parser.parse_args()
    print('| configuration | tensors predicted | measured | error | resident predicted | measured | error | time predicted | measured | error |')
    print('|---|---|---|---|---|---|---|---|---|---|')
    for name, words in CASES.items():
        if args.only and args.only != name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / 'run'
            command = [args.graft, 'train', *words, f'data={ROOT}/examples/data/clothing', f'output={out}', 'train.patience=0']
            subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
            summary = json.loads((out / 'summary.json').read_text())
        predicted, memory, time = summary['predicted'], summary['memory'], summary['time']
        cells = [name]
        for want, got, unit in ((predicted['peak_tensor_bytes'], memory['peak_tensor_bytes'], 2**20),
                                (predicted['rss_bytes'], memory['peak_rss_bytes'], 2**20),
                                (predicted['train_s'], time['train_s'], 1)):
            suffix = ' MiB' if unit > 1 else ' s'
            cells += [f'{want / unit:.1f}{suffix}', f'{got / unit:.1f}{suffix}', f'{100 * (want / got - 1):+.1f} %']
        print('| ' + ' | '.join(cells) + ' |', flush=True)


if __name__ == '__main__':
    main()
