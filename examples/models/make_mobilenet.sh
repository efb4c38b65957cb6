#!/usr/bin/env bash
# Makes examples/models/mobilenet_v2_0.35_224 from ../shared/weights/mobilenetv2-0.35-tfjs, with graft itself.
set -euo pipefail
cd "$(dirname "$0")/../.."
source=${1:-../shared/weights/mobilenetv2-0.35-tfjs}
target=examples/models/mobilenet_v2_0.35_224

[ -x build/release/graft ] || scripts/build release
rm -f "$target"/config.json "$target"/preprocessor_config.json "$target"/model.safetensors
# Converted beside and moved in: the target folder holds a README and licences already.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build/release/graft convert "$source" "$work/model"
mv "$work"/model/* "$target"/
cp "$source/LICENSE" "$target/LICENSE.ml5"
cp LICENSE "$target/LICENSE"
ls -l "$target"
