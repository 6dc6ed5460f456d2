"""The page as a file: one file, nothing fetched, texts harmless, and sets that it cannot run refused."""

import json
import re
from typing import NamedTuple

import numpy as np
import pytest
from programs_in_js import node

import synaptogen as sg
from synaptogen.engines import CompiledParams, compile_params
from synaptogen.explore import machine, source_of
from synaptogen.explore.javascript import JAVASCRIPT, function
from synaptogen.explore.script import part
from synaptogen.model import random
from synaptogen.tracing import name, symbol, text

HOSTILE = "</script><script>alert(1)</script><!--\"'&\u2028"


@pytest.fixture(scope="module")
def params():
    return sg.DeviceParams.preset("hennen2024")


def test_a_page_is_one_small_file_that_fetches_nothing(params, tmp_path):
    file = sg.explore.write_page(tmp_path / "page.html", params)
    written = file.read_text(encoding="utf-8")
    assert len(written.encode()) < 150_000
    assert "default-src 'none'" in written
    assert not re.search(r"\b(src|href)\s*=\s*[\"'](?!#)", written)
    assert not re.search(r"https?://|\bfetch\(|XMLHttpRequest|\bimport\(", written)


def test_texts_from_files_are_texts(params, tmp_path):
    hostile = params.replace(name=HOSTILE)
    file = tmp_path / "x.json"
    hostile.to_json(file)
    written = sg.explore.page([source_of(file), source_of(hostile)])
    assert "alert(1)</script>" not in written
    assert written.count("</script>") == 2
    held = re.search(r'<script type="application/json" id="sources">(.*?)</script>', written, re.DOTALL)
    assert HOSTILE in json.loads(held[1])[1]["title"]


def test_python_of_a_source_gives_its_parameters(params, tmp_path):
    file = tmp_path / 'odd "name".json'
    params.with_order(2).to_json(file)
    assert eval(source_of(file).python, {"sg": sg}) == params.with_order(2)
    for preset in ("hennen2024", params):
        assert sg.CellArray(1, eval(source_of(preset).python), rng=1).params == params
    assert source_of(params.with_order(2)).python == 'sg.DeviceParams.from_json("hennen2024.json")'


def test_arrays_of_any_shape_are_shown_in_part(tmp_path):
    for shape, count, part_shape in (
        ((), 1, None),
        ((5,), 5, None),
        ((2, 3), 6, [2, 3]),
        ((4, 40, 50), 1024, [32, 32]),
    ):
        cells = sg.CellArray(shape, rng=3)
        source = source_of(cells)
        assert (source.array["count"], source.array["shape"]) == (count, part_shape)
        assert eval(source.array["python"], {"cells": cells}).size == count


def test_what_cannot_be_shown_is_named(tmp_path):
    with pytest.raises(ValueError, match="'nothing' is neither a preset"):
        source_of("nothing")
    (tmp_path / "two.json").write_text("{}")
    with pytest.raises(ValueError, match="two"):
        source_of(tmp_path / "two.json")
    cells = sg.CellArray(1024, rng=1)
    cells.run_cycles(2000)
    with pytest.raises(ValueError, match="array\\[:4, :4\\]"):
        source_of(cells)
    file = tmp_path / "page.html"
    with pytest.raises(ValueError, match="nothing"):
        sg.explore.write_page(file, "hennen2024", "nothing")
    assert not file.exists()


class Extended(NamedTuple):
    """Compiled parameters with a part more."""

    further: object
    means: object

    @classmethod
    def of(cls, params, further):
        return cls(further, compile_params(params).means)


def test_parts_that_the_engine_of_the_page_does_not_know_are_refused_by_name(params):
    assert set(CompiledParams._fields) >= machine.KNOWN
    for off in (None, (), 0, np.zeros((4, 2)), (None, ())):
        machine.require_known("mine", Extended.of(params, off))
    for on in (1, np.ones((4, 2)), (None, (0, 0.5))):
        with pytest.raises(ValueError, match="'mine' has further"):
            machine.require_known("mine", Extended.of(params, on))


def test_constants_that_no_formula_of_the_page_uses_are_refused_by_name(params):
    class More(NamedTuple):
        eta: float
        restless: tuple

    for restless, refused in (((), False), ((0.3, 0.1), True)):
        watched = machine.Watched(More(3.0, restless))
        assert watched.eta == 3.0
        if refused:
            with pytest.raises(ValueError, match="'mine' has restless"):
                watched.require_all_used("mine")
        else:
            watched.require_all_used("mine")


def test_operations_that_javascript_has_not_are_refused_by_name(params, monkeypatch):
    monkeypatch.delitem(JAVASCRIPT.forms, "exp2")
    with pytest.raises(ValueError, match=r"'hennen2024' has a part .* JavaScript has no exp2"):
        machine.machine_source(params)


def test_brackets_keep_the_meaning_in_javascript():
    a, b, w, v = name("a"), name("b"), name("w", "uint32"), name("v", "uint32")
    assert text(a - (b - a), JAVASCRIPT) == "a - (b - a)"
    assert text(-symbol(-2.0), JAVASCRIPT) == "-(-2.0)"
    assert text((w ^ v) + 0x9E3779B9, JAVASCRIPT) == "((w ^ v) - 1640531527 | 0)"
    assert text(w + v & 3, JAVASCRIPT) == "(w + v | 0) & 3"
    assert text((w | v) >= 0x80000001, JAVASCRIPT) == "((w | v) >>> 0) >= 2147483649.0"
    assert text((w & v) != 0, JAVASCRIPT) == "(w & v) !== 0"
    assert text(~((a < b) | (b < symbol(2.0))), JAVASCRIPT) == "!(a < b || b < 2.0)"


def test_random_words_are_those_of_the_published_test_vectors():
    """D. E. Shaw Research, Random123, known answers of philox4x32-10: zeros, ones, and digits of pi."""
    words = dict.fromkeys(("c0", "c1", "c2", "c3", "k0", "k1"), "uint32")
    script = f"{part('engine.js')}\nconst M = {{ {function(random.philox, words)} }};\n" + (
        'const data = JSON.parse(require("fs").readFileSync(0, "utf8"));\n'
        "console.log(JSON.stringify(data.map((d) => M.philox(...d.map((w) => w | 0)).map((w) => w >>> 0))));"
    )
    ones = 0xFFFFFFFF
    pi = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0)
    assert node(script, [[0] * 6, [ones] * 6, pi]) == [
        [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8],
        [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ]


def test_the_command_writes_a_page(tmp_path, monkeypatch):
    pytest.importorskip("typer")
    pytest.importorskip("rich")
    from typer.testing import CliRunner

    from synaptogen.cli import app

    monkeypatch.chdir(tmp_path)
    sg.DeviceParams.preset("hennen2024").with_order(1).to_json("mine.json")
    done = CliRunner().invoke(app.app, ["explore", "mine.json", "hennen2024", "-o", "two.html"])
    assert done.exit_code == 0
    assert "written: two.html" in done.stderr
    assert "mine.json" in (tmp_path / "two.html").read_text(encoding="utf-8")
    again = CliRunner().invoke(app.app, ["explore", "-o", "two.html"])
    assert again.exit_code == 1
    assert "--overwrite" in again.stderr
