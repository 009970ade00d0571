"""What pyproject.toml cannot say: a wheel holds the records, weights and pictures."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("records/*.jsonl", "checkpoints/*", "*.png", "README.md")


class BuildWithData(build_py):
    """Copies `data/` to where `cnnlab.records.data_path` looks in an installation."""

    def run(self):
        super().run()
        if self.editable_mode:  # finds them in the repository
            return
        target = Path(self.build_lib, "cnnlab", "shipped")
        for pattern in SHIPPED:
            for path in sorted(Path("data").glob(pattern)):
                to = target / path.relative_to("data")
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, to)


setup(cmdclass={"build_py": BuildWithData})
