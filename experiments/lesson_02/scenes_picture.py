"""Draws data/scenes.png, the picture that README opens with: 48 training images.

python -m experiments.lesson_02.scenes_picture
"""

import cv2
import numpy as np

from cnnlab.scenes import images
from experiments.conditions import ROOT

ROWS, COLUMNS, ZOOM, GAP = 4, 12, 2, 4
SIDE = 32 * ZOOM + GAP

pictures = images.render(ROWS * COLUMNS, seed=1).images.repeat(ZOOM, 1).repeat(ZOOM, 2)
gap = ((0, 0), (GAP, 0), (GAP, 0), (0, 0))
rows = np.pad(pictures, gap, constant_values=1).reshape(ROWS, COLUMNS, SIDE, SIDE, 3)
picture = rows.transpose(0, 2, 1, 3, 4).reshape(ROWS * SIDE, COLUMNS * SIDE, 3)
path = ROOT / "data" / "scenes.png"
cv2.imwrite(str(path), (picture[..., ::-1] * 255).round().astype("uint8"))
