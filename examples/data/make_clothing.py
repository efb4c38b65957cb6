#!/usr/bin/env python3
"""Makes examples/data/clothing from ../shared/data/clothing-small: the same 600 photos, smaller.

    .deps/oracles/bin/python examples/data/make_clothing.py [SOURCE [TARGET]]

Short side 256 (Lanczos, antialiased), EXIF orientation applied and then dropped with all other metadata, JPEG
quality 72 with 4:2:0 colour (the source's own is about 70, so little is lost a second time). Names, classes and the
split are those of the source. The same Pillow (13.0.0) writes the same bytes.
"""

import shutil
import sys
from pathlib import Path

from PIL import Image, ImageOps

ROOT = Path(__file__).resolve().parents[2]
SHORT_SIDE = 256
QUALITY = 72
COUNTS = {"train": 400, "validation": 80, "test": 120}


def shrink(source: Path, target: Path) -> None:
    with Image.open(source) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    scale = SHORT_SIDE / min(image.size)
    if scale < 1:
        size = tuple(max(SHORT_SIDE, round(side * scale)) for side in image.size)
        image = image.resize(size, Image.Resampling.LANCZOS)
    image.info.clear()
    target.parent.mkdir(parents=True, exist_ok=True)
    image.save(target, "JPEG", quality=QUALITY, subsampling="4:2:0", optimize=True, progressive=False)


def main() -> None:
    source = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT.parent / "shared/data/clothing-small")
    target = Path(sys.argv[2] if len(sys.argv) > 2 else ROOT / "examples/data/clothing")
    for split, expected in COUNTS.items():
        photos = sorted((source / split).glob("*/*.jpg"))
        if len(photos) != expected:
            sys.exit(f"{source / split} holds {len(photos)} photos, expected {expected}")
        shutil.rmtree(target / split, ignore_errors=True)
        for photo in photos:
            shrink(photo, target / photo.relative_to(source))
    shutil.copyfile(source / "LICENSE", target / "LICENSE")
    total = sum(file.stat().st_size for file in target.rglob("*.jpg"))
    print(f"{sum(COUNTS.values())} photos, {total / 1e6:.1f} MB in {target}")


if __name__ == "__main__":
    main()
