"""Writes graft/image/label_font.inc: ASCII and Latin-1 of the X Window System's misc-fixed 7x13 bold ("Public domain font.
Share and enjoy."), 13 rows a character, the leftmost pixel in bit 6.

    apt-get download xfonts-base && dpkg -x xfonts-base_*.deb fonts
    .deps/oracles/bin/python tests/golden/label_font/make_font.py fonts/usr/share/fonts/X11/misc/7x13B-ISO8859-1.pcf.gz \\
        > graft/image/label_font.inc

Made with xfonts-base 1:1.0.5+nmu1 of Debian."""
import gzip
import io
import sys

from PIL import PcfFontFile

WIDTH, HEIGHT = 7, 13
CODES = [*range(0x20, 0x7F), *range(0xA0, 0x100)]

font = PcfFontFile.PcfFontFile(io.BytesIO(gzip.open(sys.argv[1]).read()), "iso8859-1")
print("// Made by tests/golden/label_font/make_font.py; do not edit. The X Window System's misc-fixed 7x13 bold, as xfonts-base")
print('// 1:1.0.5+nmu1 of Debian has it: "Public domain font.  Share and enjoy."')
for code in CODES:
    image = font.glyph[code][3]
    assert image.size == (WIDTH, HEIGHT), (code, image.size)
    rows = [sum(1 << (WIDTH - 1 - x) for x in range(WIDTH) if image.getpixel((x, y))) for y in range(HEIGHT)]
    print("{" + ", ".join(f"0x{row:02x}" for row in rows) + "},")
