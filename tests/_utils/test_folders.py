"""Folders that are replaced by one writer at a time, and what writers that were killed leave."""

import signal
from contextlib import suppress

import pytest

pytest.importorskip("filelock")

from synaptogen._utils import folders, in_unfinished, leftovers, replacing_folder


def write(path, text, done=lambda: None):
    with replacing_folder(path, done=done) as beside:
        beside.mkdir()
        (beside / "text").write_text(text)


def killed(path, monkeypatch):
    """A writer that cannot clear up."""
    monkeypatch.setattr(folders, "_remove", lambda *_: None)
    with suppress(KeyboardInterrupt), replacing_folder(path) as beside:
        beside.mkdir()
        raise KeyboardInterrupt
    monkeypatch.undo()


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_the_second_writer_is_told(tmp_path):
    write(tmp_path / "a", "old")
    with replacing_folder(tmp_path / "a") as beside:
        beside.mkdir()
        with pytest.raises(BlockingIOError, match="being written"):
            write(tmp_path / "a", "second")
        write(tmp_path / "b", "another place")
        (beside / "text").write_text("new")
    assert (tmp_path / "a" / "text").read_text() == "new"
    assert names(tmp_path) == ["a", "b"]


def test_leftovers_are_known_by_their_marker(tmp_path, monkeypatch):
    write(tmp_path / "a[1]", "old")
    killed(tmp_path / "a[1]", monkeypatch)
    alike = [".a[1].0123abcd", ".a[1].original", ".a[1].synaptogen-new-mine"]
    for name in alike:
        (tmp_path / name).mkdir()
        (tmp_path / name / "data").write_text("precious")
    assert len(leftovers(tmp_path / "a[1]")) == 1
    write(tmp_path / "a[1]", "new")
    assert names(tmp_path) == sorted([*alike, "a[1]"])


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_writer_that_was_killed_in_its_marker_is_known(share, tmp_path, monkeypatch):
    killed(tmp_path / "a", monkeypatch)
    (around,) = leftovers(tmp_path / "a")
    (around / "new").rmdir()
    marker = (around / folders.MARKER).read_bytes()
    (around / folders.MARKER).write_bytes(marker[: int(share * len(marker))])
    foreign = tmp_path / ".a.synaptogen-new-mine"
    foreign.mkdir()
    (foreign / folders.MARKER).write_bytes(b"{} of mine")
    write(tmp_path / "a", "new")
    assert names(tmp_path) == [foreign.name, "a"]


def test_what_was_set_aside_is_put_back(tmp_path, monkeypatch):
    """A writer that was killed between two renames, where folders cannot be swapped."""
    write(tmp_path / "a", "old")
    killed(tmp_path / "a", monkeypatch)
    (around,) = leftovers(tmp_path / "a")
    (tmp_path / "a").rename(around / "old")

    assert folders.set_aside(tmp_path / "a") == around / "old"
    folders.clear_up(tmp_path / "a")
    assert (tmp_path / "a" / "text").read_text() == "old"
    assert names(tmp_path) == ["a"]


@pytest.fixture
def interrupts():
    """Ctrl-C raises, as in a program that nobody has put into the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(("moment", "found"), [("sync_tree", "old"), ("_take_place", "new"), ("_remove", "new")])
def test_an_interrupt_finds_the_old_folder_or_the_new_one_and_nothing_beside(
    moment, found, tmp_path, monkeypatch, interrupts
):
    """Ctrl-C is pressed before and after a step; whether the new folder took its place is told to who replaced it."""
    write(tmp_path / "a", "old")
    step, told = getattr(folders, moment), []

    def interrupted(*arguments):
        signal.raise_signal(signal.SIGINT)
        step(*arguments)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(folders, moment, interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "a", "new", lambda: told.append("new"))
    monkeypatch.undo()
    assert (tmp_path / "a" / "text").read_text() == found
    assert told == (["new"] if found == "new" else [])
    assert names(tmp_path) == ["a"]
    write(tmp_path / "a", "next")


def test_what_is_written_after_a_folder_was_given_up_is_removed(tmp_path):
    """By the process that wrote it, a worker whose client has gone: the next writer would not know it."""
    with suppress(KeyboardInterrupt), replacing_folder(tmp_path / "a") as beside:
        beside.mkdir()
        raise KeyboardInterrupt
    with pytest.raises(FileNotFoundError, match="given up"), in_unfinished(beside):
        beside.mkdir(parents=True)  # not reached
    assert names(tmp_path) == []


def test_who_writes_last_removes_what_could_not_be_removed(tmp_path, monkeypatch):
    """A worker writes while the folder is removed, which fails for that."""
    late = None

    def remove(around):
        nonlocal late
        (around / folders._GIVEN_UP).touch()
        (around / "new" / "r").mkdir()

    with suppress(KeyboardInterrupt), replacing_folder(tmp_path / "a") as beside:
        beside.mkdir()
        late = in_unfinished(beside)
        late.__enter__()
        monkeypatch.setattr(folders, "_remove", remove)
        raise KeyboardInterrupt
    monkeypatch.undo()
    assert len(leftovers(tmp_path / "a")) == 1
    with pytest.raises(FileNotFoundError, match="given up"):
        late.__exit__(None, None, None)
    assert names(tmp_path) == []


def test_what_is_written_while_a_folder_is_given_up_is_removed(tmp_path):
    with replacing_folder(tmp_path / "a") as beside:
        beside.mkdir()
        with in_unfinished(beside):
            (beside / "text").write_text("in time")
        late = in_unfinished(beside)
        late.__enter__()
    (beside / "r").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="given up"):
        late.__exit__(None, None, None)
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a" / "text").read_text() == "in time"
