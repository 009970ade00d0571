"""What a student handed in, looked at before anything opens it."""

import json
import os
import stat
import unicodedata
from pathlib import Path

import nbformat
from nbgrader.utils import parse_utc

from cnnlab.classroom.bounds import too_many_values

LONGEST_NAME = 64
MOST_BYTES = 200  # a file system allows 255, and an ending is added
