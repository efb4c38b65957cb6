#!/usr/bin/env bash
# Makes examples/models/stories260K from ../shared/weights/stories260K, with graft itself.
set -euo pipefail
cd "$(dirname "$0")/../.."
source=${1:-../shared/weights/stories260K}
target=examples/models/stories260K

[ -x build/release/graft ] || scripts/build release
# Its README and LICENSE stay.
build/release/graft convert "$source" "$target" overwrite=true
ls -l "$target"
