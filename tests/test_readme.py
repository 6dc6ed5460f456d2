"""The README's code runs, as it stands, from top to bottom."""

import re
from pathlib import Path

import pytest

pytest.importorskip("zarr")

README = Path(__file__).parents[1] / "README.md"


def test_code_blocks_run_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3
    names: dict[str, object] = {}
    for block in blocks:
        # smaller arrays: the same code in less time and memory
        exec(compile(block.replace("1024", "256").replace("256, :256", "64, :64"), str(README), "exec"), names)
    assert (tmp_path / "array.zarr").is_dir()
