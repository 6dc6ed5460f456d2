"""Arrays on disk: what is saved comes back bit for bit, whole or not at all, and foreign things are told apart."""

import builtins
import json
import os
import re
import shutil
import sys

import numpy as np
import pytest

import synaptogen as sg
from synaptogen._utils import folders, install_command
from synaptogen.io import saved_arrays as persistence
from synaptogen.params.device_params import DeviceParams

pytest.importorskip("zarr")

PRESET = DeviceParams.preset("hennen2024")
FAR = 1e6
MADE = {
    "cpu": {"engine": "cpu"},
    "reference": {"engine": "reference"},
    "compact": {"history": "compact"},
    "packed": {"storage": "compact"},
    "pristine": {"start": "pristine", "params": PRESET.with_order(2), "bandwidth": 1e6},
    "compact reference": {"engine": "reference", "params": PRESET.compact(5), "rng": 2**64 - 1},
}


def lived(name, shape=(13, 21)):
    cells = sg.CellArray(shape, **{"rng": 21, "threads": 1, **MADE[name]})
    cells.apply_voltages(np.random.default_rng(1).uniform(-1.6, 1.6, (9, *shape)))
    return cells


def go_on(cells):
    """What a life goes on with."""
    u = np.random.default_rng(2).uniform(-1.6, 1.6, (9, *cells.shape))
    return [cells.sweep(u, noise=True), cells.read(), cells.r, *cells.upcoming(3)]


def assert_same(a, b):
    for mine, theirs in zip(a, b, strict=True):
        assert np.array_equal(mine, theirs)
        assert mine.dtype == theirs.dtype


def assert_same_products(a, b):
    """The same noise; sums may be rounded otherwise."""
    if a.ndim == 2:
        rows, columns = a.shape
        for v in (np.full(columns, 0.2), np.full((columns, 3), 0.1)):
            assert np.allclose(a @ v, b @ v, rtol=1e-5)
            assert np.allclose(a.product(v, bandwidth=1e12), b.product(v, bandwidth=1e12), rtol=1e-5)
        w = np.full(rows, 0.2)
        assert np.allclose(a.product(w, transpose=True), b.product(w, transpose=True), rtol=1e-5)


@pytest.mark.parametrize("name", MADE)
def test_round_trip(name, tmp_path, state, same_state):
    cells = lived(name)
    if cells.ndim == 2:
        cells @ np.full(21, 0.1)
    cells.read()
    cells.save(tmp_path / "cells")
    twin = sg.load(tmp_path / "cells", threads=1)
    assert repr(twin) == repr(cells)
    assert twin.params == cells.params
    assert (twin.seed, twin.bandwidth, twin.shape) == (cells.seed, cells.bandwidth, cells.shape)
    same_state(state(twin), state(cells))
    assert_same_products(twin, cells)
    assert_same(go_on(twin), go_on(cells))
    assert_same_products(twin, cells)


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("key", [np.s_[2:9], np.s_[::-2, 3::4], np.s_[4, 5], np.s_[[7, 1, 3]]], ids=str)
def test_round_trip_of_a_view(name, key, tmp_path, same_cells):
    cells = lived(name)
    view = cells[key]
    view.read()
    view.save(tmp_path / "cells")
    twin = sg.load(tmp_path / "cells", threads=1)
    same_cells(twin, view)
    assert_same_products(twin, view)
    assert_same(go_on(twin), go_on(view))


def test_round_trip_after_views_were_read(tmp_path):
    cells = lived("cpu")
    cells[3].read()
    cells[:, 2:4].sweep([0.1, 0.2], noise=True)
    cells.save(tmp_path / "cells")
    twin = sg.load(tmp_path / "cells")
    assert_same([twin.read()], [cells.read()])
    assert_same([twin[3].read()], [cells[3].read()])


def test_a_loaded_array_is_saved_again(tmp_path, same_cells):
    view = lived("cpu")[5:11:2]
    for k in range(3):
        view.save(tmp_path / str(k))
        view.apply_voltages([-FAR, FAR])
        twin = sg.load(tmp_path / str(k))
        twin.apply_voltages([-FAR, FAR])
        same_cells(view, twin)
        view = twin


@pytest.mark.parametrize("shape", [(), (1,), (17,), (2, 3, 5)])
def test_arrays_of_any_shape(shape, tmp_path):
    cells = lived("cpu", shape)
    cells.save(tmp_path / "cells")
    assert_same(go_on(sg.load(tmp_path / "cells")), go_on(cells))


@pytest.mark.parametrize("name", MADE)
def test_arrays_of_many_blocks(name, tmp_path, monkeypatch, state, same_state):
    monkeypatch.setattr(persistence, "BLOCK", 37)
    cells = lived(name)
    cells[2:5].read()
    cells.save(str(tmp_path / "cells"))
    twin = sg.load(str(tmp_path / "cells"))
    same_state(state(twin), state(cells))
    monkeypatch.setattr(persistence, "BLOCK", 1000)  # how it was cut does not matter for reading
    same_state(state(sg.load(tmp_path / "cells")), state(cells))


def test_saving_changes_nothing_and_leaves_nothing_behind(tmp_path, state, same_state):
    cells = lived("cpu")
    before = state(cells)
    cells.save(tmp_path / "cells")
    cells.save(tmp_path / "cells", overwrite=True)
    same_state(before, state(cells))
    assert [path.name for path in tmp_path.iterdir()] == ["cells"]


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2"])
def test_threads_of_a_loaded_array(threads, tmp_path):
    lived("cpu").save(tmp_path / "cells")
    assert "3 threads" in repr(sg.load(tmp_path / "cells", threads=3))
    with pytest.raises((ValueError, TypeError), match="threads"):
        sg.load(tmp_path / "cells", threads=threads)


# ---------------------------------------------------------------------------------------- what is there already


def test_existing_paths_are_kept_unless_asked(tmp_path, same_cells):
    first, second = lived("cpu"), lived("compact")
    first.save(tmp_path / "cells")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        second.save(tmp_path / "cells")
    same_cells(sg.load(tmp_path / "cells"), first)
    second.save(tmp_path / "cells", overwrite=True)
    same_cells(sg.load(tmp_path / "cells"), second)


def test_foreign_things_are_never_overwritten(tmp_path):
    folder, file, other = tmp_path / "folder", tmp_path / "file", tmp_path / "other"
    folder.mkdir()
    (folder / "precious").write_text("data")
    file.write_text("data")
    other.mkdir()
    (other / "zarr.json").write_text(json.dumps({"attributes": {"format": "another"}}))
    for path in (folder, file, other):
        for overwrite in (False, True):
            with pytest.raises(FileExistsError, match=str(path)):
                lived("cpu").save(path, overwrite=overwrite)
    assert (folder / "precious").read_text() == file.read_text() == "data"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "other"]


@pytest.mark.parametrize("precious", ["notes.txt", "backup", ".git"])
def test_what_users_put_into_a_saved_array_is_kept(precious, tmp_path, same_cells):
    path, cells = tmp_path / "cells", lived("cpu")
    cells.save(path)
    disk = sg.outofcore.DiskArray.open(path, threads=1)
    sg.CellArray(5, rng=2).save(path / precious)
    for change in (lambda: cells.save(path, overwrite=True), lambda: disk.apply_voltage(-1.0)):
        with pytest.raises(FileExistsError, match=f"holds '{precious}'"):
            change()
    same_cells(sg.load(path), cells)
    assert sg.load(path / precious).size == 5
    (path / precious).rename(tmp_path / "elsewhere")
    (path / ".DS_Store").write_text("of a system")
    disk.apply_voltage(-1.0)


def test_what_appears_while_an_array_is_written_is_kept(tmp_path, monkeypatch):
    path = tmp_path / "cells"
    monkeypatch.setattr(folders, "sync_tree", lambda _: (path.mkdir(), (path / "precious").write_text("data")))
    with pytest.raises(FileExistsError, match="overwrite=True"):
        lived("cpu").save(path)
    assert (path / "precious").read_text() == "data"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ["zarr.json", "r/zarr.json", "r/c/0"])
def test_pipes_in_place_of_files_do_not_hang(name, tmp_path):
    lived("cpu").save(tmp_path / "cells")
    (tmp_path / "cells" / name).unlink()
    os.mkfifo(tmp_path / "cells" / name)
    for open_array in (sg.load, lambda path: sg.outofcore.DiskArray.open(path).r):
        with pytest.raises(ValueError, match="is no file"):
            open_array(tmp_path / "cells")


def test_links_in_a_circle_are_told(tmp_path):
    (tmp_path / "cells").symlink_to("cells")
    for use in (sg.load, lived("cpu").save):
        with pytest.raises(OSError, match="symbolic links"):
            use(tmp_path / "cells")


def test_missing_places(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        lived("cpu").save(tmp_path / "nowhere" / "cells")
    with pytest.raises(FileNotFoundError, match="no saved array"):
        sg.load(tmp_path / "cells")


# ---------------------------------------------------------------------------------------- what is no saved array


@pytest.fixture
def saved(tmp_path):
    cells = lived("cpu")[::2]  # so that there is an array of ids
    cells[1].read()  # and one of read numbers
    cells.save(tmp_path / "cells")
    return tmp_path / "cells"


def test_arrays_of_a_saved_array(saved):
    assert arrays_in(saved) == ["curve", "device", "hot", "ids", "memory", "r", "reads", "reset"]


def change(path, **attributes):
    content = json.loads((path / "zarr.json").read_text())
    content["attributes"].update(attributes)
    (path / "zarr.json").write_text(json.dumps(content))


def test_foreign_directories_are_not_read(tmp_path, saved):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("no array")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "zarr.json").write_text("{")
    for name in ("empty", "text", "other"):
        with pytest.raises(ValueError, match="is not an array saved by synaptogen"):
            sg.load(tmp_path / name)
    change(saved, format="another/format")
    with pytest.raises(ValueError, match="is not an array saved by synaptogen"):
        sg.load(saved)


@pytest.mark.parametrize("version", [0, 1, 999, "1.1"])
def test_other_versions_are_told(version, saved):
    change(saved, version=version)
    with pytest.raises(ValueError, match=f"version {version} of the format"):
        sg.load(saved)


def arrays_in(path):
    return sorted(folder.name for folder in path.iterdir() if folder.is_dir())


@pytest.mark.parametrize("name", ["r", "hot", "device", "memory", "ids", "reads"])
def test_a_missing_array_is_told(name, saved):
    assert name in arrays_in(saved)
    shutil.rmtree(saved / name)
    with pytest.raises(ValueError, match="is damaged"):
        sg.load(saved)


@pytest.mark.parametrize("name", ["r", "hot", "device", "memory", "ids", "reads"])
@pytest.mark.parametrize("how", ["removed", "cut", "emptied"])
def test_a_missing_or_cut_chunk_is_told(name, how, saved):
    """A chunk that is not there must not become zeros."""
    chunks = [path for path in (saved / name).rglob("*") if path.is_file() and path.name != "zarr.json"]
    assert chunks
    for chunk in chunks:
        if how == "removed":
            chunk.unlink()
        else:
            content = chunk.read_bytes()
            chunk.write_bytes(content[: len(content) // 2] if how == "cut" else b"")
    with pytest.raises(ValueError, match="damaged"):
        sg.load(saved)


@pytest.mark.parametrize("name", ["r", "hot", "reads"])
def test_damaged_metadata_is_told(name, saved):
    path = saved / name / "zarr.json"
    path.write_text(path.read_text()[:40])
    with pytest.raises(ValueError, match="damaged"):
        sg.load(saved)


@pytest.mark.parametrize(
    "changes",
    [{"shape": [7, 22]}, {"shape": [1]}, {"engine": "gpu"}, {"params": {}}, {"seed": "x"}, {"start": "maybe"}],
    ids=str,
)
def test_contradictions_are_told(changes, saved):
    change(saved, **changes)
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own words
        sg.load(saved)


@pytest.mark.parametrize("name", ["version", "engine", "shape", "seed", "first", "start", "params", "products"])
def test_missing_attributes_are_told(name, saved):
    content = json.loads((saved / "zarr.json").read_text())
    del content["attributes"][name]
    (saved / "zarr.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="damaged"):
        sg.load(saved)


# ---------------------------------------------------------------------------------------- crashes


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("step", ["first block", "a later block", "end"])
def test_a_crash_while_writing_leaves_what_was_there(step, overwrite, tmp_path, monkeypatch, same_cells):
    old, new = lived("cpu"), lived("cpu")
    new.apply_voltages([-FAR, FAR])
    path = tmp_path / "cells"
    if overwrite:
        old.save(path)
    monkeypatch.setattr(persistence, "BLOCK", 100)
    engine, calls = type(new.state.engine), []
    dump = engine.dump

    def fail(self, begin, end):
        calls.append(begin)
        if step == "first block" or (step == "a later block" and begin > 0):
            raise OSError("disk full")
        return dump(self, begin, end)

    def fail_at_the_end(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(engine, "dump", fail)
    if step == "end":
        monkeypatch.setattr("zarr.Group.update_attributes", fail_at_the_end)
    with pytest.raises(OSError, match="disk full"):
        new.save(path, overwrite=overwrite)
    assert calls
    monkeypatch.undo()
    assert [entry.name for entry in tmp_path.iterdir()] == (["cells"] if overwrite else [])
    if overwrite:
        same_cells(sg.load(path), old)


def test_a_directory_that_was_cut_short_is_not_taken_for_an_array(tmp_path, monkeypatch):
    """As a power failure leaves it: nothing is cleaned up, the attributes were to come last."""
    cells, path = lived("cpu"), tmp_path / "cells"

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("zarr.Group.update_attributes", stop)
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    with pytest.raises(KeyboardInterrupt):
        cells.save(path)
    monkeypatch.undo()
    (around,) = (entry for entry in tmp_path.iterdir() if entry.is_dir())
    left = around / "new"
    with pytest.raises(ValueError, match="cut short"):
        sg.load(left)


@pytest.fixture
def no_exchange(monkeypatch):
    """A system that cannot swap two folders in one step."""
    monkeypatch.setattr(folders, "_exchange", lambda *_: False)


def test_saving_where_folders_cannot_be_swapped(tmp_path, no_exchange, same_cells):
    old, new = lived("cpu"), lived("compact")
    path = tmp_path / "cells"
    old.save(path)
    new.save(path, overwrite=True)
    same_cells(sg.load(path), new)
    assert [entry.name for entry in tmp_path.iterdir()] == ["cells"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs renameat2")
def test_linux_swaps_in_one_step(tmp_path, monkeypatch, same_cells):
    old, new = lived("cpu"), lived("compact")
    path = tmp_path / "cells"
    old.save(path)
    monkeypatch.setattr(folders, "_step_aside", None)
    new.save(path, overwrite=True)
    same_cells(sg.load(path), new)
    assert [entry.name for entry in tmp_path.iterdir()] == ["cells"]


def test_an_interrupted_save_is_told(tmp_path):
    """A crash between two renames, where a swap in one step is not to be had."""
    lived("cpu").save(tmp_path / ".cells.old.0123abcd")
    with pytest.raises(FileNotFoundError, match=r"interrupted.*\.cells\.old\.0123abcd"):
        sg.load(tmp_path / "cells")


def test_a_failed_rename_leaves_the_old_array(tmp_path, monkeypatch, no_exchange, same_cells):
    old, new = lived("cpu"), lived("compact")
    path = tmp_path / "cells"
    old.save(path)
    rename, done = type(path).rename, []

    def fail_at_last(self, target):
        done.append(target)
        if len(done) == 2:  # the old array has just stepped aside
            raise OSError("no permission")
        return rename(self, target)

    monkeypatch.setattr(type(path), "rename", fail_at_last)
    with pytest.raises(OSError, match="no permission"):
        new.save(path, overwrite=True)
    monkeypatch.undo()
    same_cells(sg.load(path), old)


# ---------------------------------------------------------------------------------------- the extra


@pytest.mark.parametrize("use", ["save", "load"])
def test_missing_zarr_names_the_extra(use, tmp_path, monkeypatch):
    cells = lived("cpu")
    cells.save(tmp_path / "cells")
    for module in [name for name in sys.modules if name.split(".")[0] == "zarr"]:
        monkeypatch.delitem(sys.modules, module)
    import_, wanted = builtins.__import__, []

    def no_zarr(name, *arguments, **options):
        if name.split(".")[0] == "zarr":
            wanted.append(name)
            raise ModuleNotFoundError("No module named 'zarr'", name="zarr")
        return import_(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", no_zarr)
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(ModuleNotFoundError, match=re.escape(install_command("zarr"))):
        cells.save(tmp_path / "others") if use == "save" else sg.load(tmp_path / "cells")
    assert not (tmp_path / "others").exists()
