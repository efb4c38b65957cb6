"""Image.resize of Pillow 13.0.0 over filters and sizes."""
import numpy as np
from PIL import Image

from golden import Pack, picture

FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
source = Pack("sources")
pack = Pack("resize")
for name, width, height in (("wide", 97, 61), ("tall", 33, 150), ("dot", 1, 1), ("line", 40, 1)):
    pixels = picture(width, height, width)
    source.add(pixels, name=name)
    sizes = {"wide": [(48, 30), (31, 61), (97, 17), (121, 75), (7, 5), (1, 1), (96, 62)], "tall": [(20, 21), (64, 40)], "dot": [(9, 4)], "line": [(13, 7)]}
    for size in sizes[name]:
        for filter_name, code in FILTERS.items():
            result = Image.fromarray(pixels).resize(size, Image.Resampling(code))
            pack.add(np.asarray(result), source=name, filter=filter_name)
source.write()
pack.write()
