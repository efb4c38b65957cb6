#!/usr/bin/env bash
# Makes examples/models/yolo_fastest_1.1 from ../shared/weights/yolo-fastest-1.1-coco, with graft itself.
set -euo pipefail
cd "$(dirname "$0")/../.."
source=${1:-../shared/weights/yolo-fastest-1.1-coco}
target=examples/models/yolo_fastest_1.1

[ -x build/release/graft ] || scripts/build release
rm -f "$target"/config.json "$target"/preprocessor_config.json "$target"/model.safetensors
# Converted beside and moved in: the target folder holds a README and a licence already.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build/release/graft convert "$source/yolo-fastest-1.1.cfg" "$work/model"
mv "$work"/model/* "$target"/
install -m 644 "$source/LICENSE" "$target/LICENSE"
ls -l "$target"
