"""Damage of saved arrays: whatever is flipped, swapped or impossible is told, or changes no cell."""

import json
import random
import shutil

import numpy as np
import pytest

import synaptogen as sg

pytest.importorskip("zarr")

import zarr

from synaptogen.io import saved_arrays
from synaptogen.outofcore import DiskArray


@pytest.fixture
def saved(tmp_path, monkeypatch):
    monkeypatch.setattr(saved_arrays, "BLOCK", 64)
    cells = sg.CellArray(150, rng=4, threads=1, history="compact")
    cells.apply_voltages([-2.0, 0.9])
    cells.save(tmp_path / "cells")
    return cells, tmp_path / "cells"


def snapshot(path):
    return {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in path.rglob("*") if file.is_file()}


def as_version_3(path, **changes):
    """Take away all that version 4 checks, as other programs or earlier releases leave it."""
    about = json.loads((path / "zarr.json").read_text())
    kept = {k: v for k, v in about["attributes"].items() if k not in ("id", "checksums", "digest")}
    about["attributes"] = {**kept, "version": 3, **changes}
    (path / "zarr.json").write_text(json.dumps(about))


def test_flipped_bits_are_found_or_harmless(saved, state, same_state):
    cells, path = saved
    chance, before = random.Random(7), state(cells)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    found = 0
    for _ in range(250):
        file = chance.choice(files)
        content = file.read_bytes()
        broken = bytearray(content)
        broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
        file.write_bytes(broken)
        try:
            same_state(before, state(sg.load(path, threads=1)))
        except ValueError:
            found += 1
        file.write_bytes(content)
    assert found > 150
    same_state(before, state(sg.load(path, threads=1)))


def test_swapped_chunks_are_found(saved):
    _, path = saved
    first, second = (path / "r" / "c" / k for k in "01")
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    with pytest.raises(ValueError, match="not the one that was saved"):
        sg.load(path)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": "-1"}, "seed"),
        ({"first": str(2**64)}, "first"),
        ({"bandwidth": float("nan")}, "bandwidth"),
        ({"read_count": "x"}, "read_count"),
        ({"engine": "reference"}, "arrays"),
        ({"shape": [1] * 70 + [150]}, "shape"),
        ({"shape": [10**9]}, "in place of"),
        ({"arrays": ["r"]}, "arrays"),
        ({"arrays": "../r"}, "arrays"),
        ({"surprise": 1}, "surprise"),
    ],
    ids=str,
)
def test_impossible_attributes_are_named(changes, named, saved):
    _, path = saved
    as_version_3(path, **changes)
    with pytest.raises(ValueError, match=rf"damaged.*{named}"):
        sg.load(path)


@pytest.mark.parametrize("storage", ["full", "compact"])
def test_arrays_without_checks_are_read(storage, tmp_path, state, same_state):
    cells = sg.CellArray(100, rng=4, threads=1, storage=storage)
    cells.apply_voltages([-2.0, 0.9])
    cells.save(tmp_path / "cells")
    as_version_3(tmp_path / "cells")
    same_state(state(sg.load(tmp_path / "cells", threads=1)), state(cells))
    opened = DiskArray.open(tmp_path / "cells", threads=1)
    opened.read()
    opened.apply_voltage(-2.0)
    cells.apply_voltage(-2.0)
    assert np.array_equal(sg.load(tmp_path / "cells").r, cells.r)


@pytest.mark.parametrize(("name", "value"), [("r", np.nan), ("r", 7.0), ("hot", 0xFFFFFFFF), ("hot", 0x3F800000)])
def test_impossible_values_are_told(name, value, saved):
    _, path = saved
    as_version_3(path)
    zarr.open_array(path / name, mode="r+")[..., 3] = value
    with pytest.raises(ValueError, match="cell 3 has a value that no cell can have"):
        sg.load(path)


def test_a_chunk_that_unfolds_is_refused(saved):
    _, path = saved
    as_version_3(path)
    bomb = zarr.create_array(
        path / "bomb", shape=(10**7,), chunks=(10**7,), dtype="f4", config={"write_empty_chunks": True}
    )
    bomb[:] = 0
    shutil.copy(path / "bomb" / "c" / "0", path / "r" / "c" / "0")
    with pytest.raises(ValueError, match="in place of 256"):
        sg.load(path)


def test_opening_changes_nothing(saved):
    _, path = saved
    shutil.copytree(path, path.with_name(".cells.20260101"))
    before = snapshot(path.parent)
    sg.load(path)
    cells = DiskArray.open(path)
    cells.current()
    assert snapshot(path.parent) == before


def test_an_array_that_was_replaced_is_told(saved):
    _, path = saved
    opened = DiskArray.open(path, threads=1)
    other = sg.CellArray(150, rng=5, threads=1)
    other.save(path, overwrite=True)
    for use in (lambda: opened.apply_voltage(-2.0), opened.read, opened.current):
        with pytest.raises(ValueError, match="another array"):
            use()
    assert np.array_equal(sg.load(path).device, other.device)
