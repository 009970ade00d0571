"""Claims are proved on real data, and so they need some."""

import os

import pytest


def pytest_configure():
    if not os.environ.get("CNNLAB_DATA"):
        raise pytest.UsageError(
            "Claims are proved on real data: set CNNLAB_DATA to the folder that "
            "holds them (`cnnlab prefetch FOLDER` fills one)."
        )
