"""Writes the small hostile files beside it: python3 make_files.py (standard library only)."""

import io
import pathlib
import struct
import zipfile
import zlib

here = pathlib.Path(__file__).parent


def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(width, height, bits, packed):
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def zeros(rows, row_bytes):
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 + row_bytes)) for _ in range(rows))
    return packed + packer.flush()


# A picture without pixels, and one whose header asks for 10 GB with 11 bytes behind it.
(here / "zero.png").write_bytes(png(0, 0, 8, zlib.compress(b"")))
(here / "huge_header.png").write_bytes(png(60000, 60000, 8, zlib.compress(b"\0")))
# A bomb: valid to the last row, 900 million pixels of 1 bit, 109 KB on disk.
(here / "bomb.png").write_bytes(png(30000, 30000, 1, zeros(30000, 3750)))

# What torch.save would write for an object whose __reduce__ calls os.system("touch PWNED").
call = b"\x80\x02cposix\nsystem\nX\x0b\x00\x00\x00touch PWNED\x85R."
archive = io.BytesIO()
with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as z:
    z.writestr(zipfile.ZipInfo("archive/data.pkl"), call)
    z.writestr(zipfile.ZipInfo("archive/version"), b"3\n")
(here / "calls_system.bin").write_bytes(archive.getvalue())
