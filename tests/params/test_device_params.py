"""Parameter sets: the published figures, files, and every way in which an input can be wrong."""

import copy
import importlib.resources
import json
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from synaptogen.model.iv import conductance
from synaptogen.params.device_params import DeviceParams, Population, presets
from synaptogen.params.history import VAR, StateSpace

PRESET = DeviceParams.preset("hennen2024")
COMPACT = PRESET.compact(4)
POPULATION = PRESET.population
DOCUMENT = json.loads(PRESET.to_json())


def published(params, history=None):
    """The content of a file in the published layout, its history given for one order or more."""
    variants = history or {params.history.order: params.history}
    p = params.population
    return {
        "HHRS": params.hhrs.tolist(),
        "LLRS": params.llrs.tolist(),
        "η": params.eta,
        "U₀": params.u_read,
        "Umax": params.u_max,
        "μDtD": p.means.T.tolist(),
        "LDtD": np.concatenate(list(p.cholesky), axis=1).tolist(),
        "\N{GREEK SMALL LETTER GAMMA}": params.quantile.tolist(),
        "wk": p.weights.tolist(),
        **{
            f"VAR_{order:03d}": np.concatenate([h.innovation, *h.lags[::-1]], axis=1).tolist()
            for order, h in variants.items()
        },
    }


@pytest.fixture
def write(tmp_path):
    def write_(content, name="parameters.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write_


# ---------------------------------------------------------------------------------------- the published set


def test_derived_limits_of_the_published_set():
    assert PRESET.r_max == pytest.approx(0.8892000540, abs=1e-10)
    assert PRESET.u_range == pytest.approx(1.8681, abs=1e-4)
    np.testing.assert_allclose(PRESET.x_range[:, 0], [-4.4891, -8, -4.3924, -8], atol=1e-4)
    np.testing.assert_array_equal(PRESET.x_range[:, 1], 8)
    assert PRESET.spectral_radius == pytest.approx(0.968, abs=5e-4)


def test_mixing_state_of_100_kohm():
    p = PRESET.constants()
    assert (p.g_llrs - 1e-5) * p.per_span == pytest.approx(0.857, abs=5e-4)


def test_the_limit_of_r_is_the_limit_of_passivity():
    p = PRESET.constants()
    u = np.linspace(-p.u_range, p.u_range, 20001)
    assert conductance(p.r_max, u, p).min() == pytest.approx(0, abs=1e-12)
    assert conductance(p.r_max + 1e-6, u, p).min() < 0


def test_constants_are_numbers_of_the_asked_type():
    p = PRESET.constants()
    assert (len(p.llrs), len(p.hhrs), len(p.quantile), len(p.innovation)) == (6, 5, 4, 4)
    assert p.x_min == tuple(PRESET.x_range[:, 0])
    assert type(p.innovation[2][1]) is float
    single = PRESET.constants(np.float32)
    assert type(single.r_max) is type(single.quantile[3][0]) is np.float32
    assert hash(p) == hash(PRESET.constants())


def test_names():
    assert "hennen2024" in presets()
    assert repr(PRESET) == "DeviceParams('hennen2024', VAR(10), 3 components)"
    assert repr(COMPACT) == "DeviceParams('hennen2024', compact(4), 3 components)"


def test_unknown_preset_suggests_the_nearest():
    with pytest.raises(ValueError, match=r"no preset 'henen24': did you mean 'hennen2024'\? The presets are: "):
        DeviceParams.preset("henen24")
    with pytest.raises(ValueError, match=r"no preset 'x'\. The presets are: .*hennen2024"):
        DeviceParams.preset("x")


# ---------------------------------------------------------------------------------------- other histories


def test_with_order():
    assert PRESET.with_order(10) is PRESET
    lower = PRESET.with_order(3)
    assert (lower.history.kind, lower.history.order) == ("var", 3)
    assert lower.source["order"] == "3 by Yule-Walker from VAR(10)"
    np.testing.assert_allclose(lower.autocovariance(3), PRESET.autocovariance(3), atol=1e-10)
    assert lower.replace(history=PRESET.history, source=PRESET.source) == PRESET


def test_with_order_of_a_compact_history():
    longer = COMPACT.with_order(20)
    np.testing.assert_allclose(longer.autocovariance(20), COMPACT.autocovariance(20), atol=1e-10)


@pytest.mark.parametrize("q", [0, -2, 11])
def test_order_out_of_reach(q):
    with pytest.raises(ValueError, match="q must be"):
        PRESET.with_order(q)


@pytest.mark.parametrize(("q", "error"), [(4, "0.041"), (8, "0.023"), (12, "0.020")])
def test_compact_tells_its_error(q, error):
    compact = PRESET.compact(q)
    assert compact.name == PRESET.name
    assert compact.history.quasi_triangular() is compact.history
    assert compact.source["compact"] == (
        f"{q} states by balanced truncation of VAR(10); worst autocorrelation error to lag 200: {error}"
    )


# ---------------------------------------------------------------------------------------- populations


def test_moments_of_the_mixture():
    rng = np.random.default_rng(3)
    which = rng.choice(3, size=200_000, p=POPULATION.weights / POPULATION.weights.sum())
    normals = rng.normal(size=(200_000, 8))
    draws = POPULATION.means[which] + np.einsum("nij,nj->ni", POPULATION.cholesky[which], normals)
    deviation = np.sqrt(np.diag(POPULATION.covariance()))
    np.testing.assert_allclose((POPULATION.mean() - draws.mean(0)) / deviation, 0, atol=0.01)
    np.testing.assert_allclose(
        (POPULATION.covariance() - np.cov(draws.T)) / np.outer(deviation, deviation), 0, atol=0.04
    )


def test_log_density_is_that_of_the_mixture():
    points = POPULATION.means[:, None, :] * np.linspace(0.9, 1.1, 5)[:, None]
    shares = POPULATION.weights / POPULATION.weights.sum()
    expected = sum(
        w * scipy.stats.multivariate_normal(m, L @ L.T).pdf(points)
        for w, m, L in zip(shares, POPULATION.means, POPULATION.cholesky, strict=True)
    )
    np.testing.assert_allclose(POPULATION.log_density(points), np.log(expected), atol=1e-6)
    assert POPULATION.log_density(points[0, 0]).shape == ()
    assert POPULATION.log_density(np.empty((0, 8))).shape == (0,)
    with pytest.raises(ValueError, match=r"vectors must have shape \(\.\.\., 8\)"):
        POPULATION.log_density(points[..., :7])


def test_weights_that_sum_to_one_within_rounding_are_kept():
    assert POPULATION.weights.sum() != 1
    assert POPULATION.cumulative_weights[-1] == 1
    assert POPULATION.n_components == 3


BAD_POPULATIONS = {
    "weights must be positive": {"weights": [0.5, 0.6, -0.1]},
    "weights must be positive and sum to 1": {"weights": [0.5, 0.4, 0.05]},
    "weights must not be empty": {"weights": [], "means": np.zeros((0, 8)), "cholesky": np.zeros((0, 8, 8))},
    r"weights must have shape \(n\)": {"weights": 1.0},
    r"means must have shape \(3, n\), not \(8, 3\)": {"means": POPULATION.means.T},
    "means must be finite": {"means": np.full((3, 8), np.nan)},
    r"cholesky must have shape \(3, 8, 8\)": {"cholesky": POPULATION.cholesky[:2]},
    "cholesky must be lower triangular": {"cholesky": POPULATION.cholesky.swapaxes(1, 2)},
    "cholesky must have a positive diagonal": {"cholesky": -POPULATION.cholesky},
    'sigma_scale must be "linear" or "log"': {"sigma_scale": "log10"},
}


@pytest.mark.parametrize("message", BAD_POPULATIONS)
def test_population_refuses(message):
    arguments = {"weights": POPULATION.weights, "means": POPULATION.means, "cholesky": POPULATION.cholesky}
    with pytest.raises(ValueError, match=message):
        Population(**{**arguments, **BAD_POPULATIONS[message]})


# ---------------------------------------------------------------------------------------- validation


def changed_population(feature, value):
    means = np.array(POPULATION.means)
    means[:, feature] = value
    return Population(POPULATION.weights, means, POPULATION.cholesky)


BAD_PARAMS = {
    "name must be a text": {"name": ""},
    r"quantile must have shape \(4, n\)": {"quantile": PRESET.quantile.T},
    "quantile of r_hrs must increase at 0": {"quantile": PRESET.quantile[:, ::-1] * [-1, 1, 1, -1, 1]},
    "quantile must have 2 to 16 coefficients": {"quantile": np.ones((4, 1))},
    "history must be a VAR or a StateSpace, not str": {"history": "VAR(10)"},
    "population must be a Population, not dict": {"population": {}},
    "llrs must have 0 as its last coefficient": {"llrs": PRESET.llrs + 1e-9},
    "hhrs must have 0 as its last coefficient": {"hhrs": PRESET.hhrs[::-1]},
    "hhrs must have 2 to 16 coefficients": {"hhrs": [0.0]},
    "llrs must be finite": {"llrs": [np.inf, 0.0]},
    "llrs must conduct, and more than hhrs, at U = 0": {"llrs": PRESET.hhrs, "hhrs": PRESET.llrs},
    "llrs must conduct, and more than hhrs, at u_read": {"llrs": [-1e-3, 1e-4, 0]},
    "llrs must conduct, and more than hhrs, up to u_max": {"u_max": 1.9},
    "u_max must be positive": {"u_max": -1.46},
    "u_max must be positive and at most 100 V": {"u_max": 1460},
    "u_max must hold real numbers": {"u_max": None},
    "u_read must be positive": {"u_read": 0},
    "u_read must be below u_max": {"u_read": 1.5},
    r"u_read must have shape \(\)": {"u_read": [0.2]},
    "eta must be positive": {"eta": 0.0},
    "eta must be finite": {"eta": np.nan},
    "stretch must have shape": {"stretch": 0.1},
    "stretch must hold a knee, a slope and a rest": {"stretch": [0.1, -0.1, 0.0]},
    "stretch .* would not fall": {"stretch": [0.0, 0.0, 0.1]},
    "u_range must be at least u_max = 1.46 V and at most 1.868 V": {"u_range": 1.87},
    "u_range must be at least u_max = 1.46 V and": {"u_range": 1.0},
    "source must be a mapping": {"source": {"paper": 2024}},
    "population has mean log10 R_HRS 7.5e": {"population": changed_population(0, 75e3)},
    r"population has mean .* U_SET 0.7 V": {"population": changed_population(1, 0.7)},
    r"population has mean .* R_LRS -1 ohm": {"population": changed_population(2, -1.0)},
    r"population has mean .* U_RESET\s+-0.7 V": {"population": changed_population(3, -0.7)},
    "hhrs allows no passive state": {"population": changed_population(0, 7.0)},
}


@pytest.mark.parametrize("message", BAD_PARAMS)
def test_params_refuse(message):
    with pytest.raises(ValueError, match=message):
        PRESET.replace(**BAD_PARAMS[message])


def test_lrs_that_stops_conducting_leaves_no_passive_hrs():
    llrs = np.polymul([1.0, 1.6], [1e-4, 0.0])  # G = 1e-4 (U + 1.6 V): at -1.6 V only r = 0 is passive with this HHRS
    message = "hhrs allows no passive state"
    with pytest.raises(ValueError, match=message):
        PRESET.replace(llrs=llrs, hhrs=[-1e-6, 0.0])
    assert PRESET.replace(llrs=llrs, hhrs=[1e-7, 0.0]).u_range == pytest.approx(1.599, abs=1e-9)


def test_range_can_be_given():
    given_ = PRESET.replace(u_range=1.5)
    assert given_.u_range == 1.5
    assert given_.r_max >= PRESET.r_max
    assert given_.replace(eta=2.0).u_range == 1.5
    assert PRESET.replace(hhrs=[1e-6, 0.0]).u_range > PRESET.u_range
    assert PRESET.replace(u_range=PRESET.u_range) == PRESET


def replaced(**changes):
    """The changed preset, or why there is none."""
    try:
        return PRESET.replace(**changes), ""
    except ValueError as error:
        return None, str(error)


numbers = st.floats(width=64) | st.floats(-10, 10) | st.integers(-5, 5)
values = st.one_of(
    numbers,
    st.none(),
    st.text(max_size=3),
    st.lists(numbers, max_size=6),
    st.lists(st.lists(numbers, max_size=4), max_size=4),
)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(["quantile", "llrs", "hhrs", "u_max", "u_read", "eta", "u_range", "stretch", "name"]), values)
def test_any_value_is_accepted_whole_or_refused_by_name(argument, value):
    params, message = replaced(**{argument: value})
    if params is None:
        assert re.search(r"\b(quantile|llrs|hhrs|u_max|u_read|eta|u_range|stretch|name|population)\b", message)
    else:
        assert 0 < params.u_max <= params.u_range
        assert np.isfinite(params.r_max)
        assert DeviceParams.from_json(params.to_json()) == params


envelopes = st.lists(st.floats(-1e-4, 1e-4), min_size=1, max_size=6)


@settings(deadline=None, max_examples=200)
@given(envelopes, envelopes)
def test_accepted_envelopes_are_passive(llrs, hhrs):
    params, _ = replaced(llrs=[*llrs, abs(llrs[0]) + 1e-4, 0.0], hhrs=[*hhrs, 0.0])
    assume(params is not None)
    p = params.constants()
    g = conductance(p.r_max, np.linspace(-2 * p.u_range, 2 * p.u_range, 4001), p)
    assert g.min() > -1e-9 * p.g_llrs


# ---------------------------------------------------------------------------------------- records


@pytest.mark.parametrize("params", [PRESET, COMPACT], ids=["var", "compact"])
def test_copies_are_equal_and_cannot_be_written(params):
    for twin in (copy.deepcopy(params), pickle.loads(pickle.dumps(params)), params.replace()):
        assert twin == params
        assert hash(twin) == hash(params)
        with pytest.raises(ValueError, match="read-only"):
            twin.population.means[0, 0] = 0
        with pytest.raises(TypeError):
            twin.source["note"] = "mine"
    with pytest.raises(AttributeError):
        params.eta = 3.0


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"eta": 3.0},
        {"source": {}},
        {"u_range": 1.6},
        {"stretch": [1.0, 0, 0]},
        {"population": changed_population(2, 5e3)},
    ],
    ids=str,
)
def test_any_change_makes_another_set(change):
    assert PRESET.replace(**change) != PRESET


# ---------------------------------------------------------------------------------------- files


LOG = Population(POPULATION.weights, POPULATION.means, POPULATION.cholesky, sigma_scale="log")


@pytest.mark.parametrize(
    "params",
    [PRESET, COMPACT, PRESET.with_order(1), PRESET.replace(u_range=1.6), PRESET.replace(population=LOG)],
    ids=["var", "compact", "order", "range", "log"],
)
def test_json_keeps_every_bit(params, tmp_path):
    path = tmp_path / "parameters.json"
    text = params.to_json(path)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    assert lines.pop(1).startswith(' "digest": "sha256:')
    assert "".join(lines) == text
    assert [file.name for file in tmp_path.iterdir()] == ["parameters.json"]
    for source in (path, str(path), text, json.loads(text)):
        twin = DeviceParams.from_json(source)
        assert twin == params
        assert twin.to_json() == text


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_json_keeps_every_bit_of_any_figures(seed):
    rng = np.random.default_rng(seed)
    params = PRESET.replace(
        eta=rng.uniform(0.1, 10),
        stretch=rng.uniform(0, 1, 3),
        quantile=PRESET.quantile * rng.uniform(0.5, 2, (4, 5)),
        history=VAR(PRESET.history.innovation, PRESET.history.lags * rng.uniform(0, 1, (10, 4, 4))),
    )
    assert DeviceParams.from_json(params.to_json()) == params


def test_preset_file_is_as_written():
    file = importlib.resources.files("synaptogen.params") / "presets" / "hennen2024.json"
    assert file.read_text(encoding="utf-8") == PRESET.to_json()


def test_optional_keys_are_left_out_when_they_say_nothing():
    assert "U_range" not in DOCUMENT
    assert "reset_stretch" not in DOCUMENT
    assert "sigma_scale" not in DOCUMENT["population"]
    assert set(json.loads(COMPACT.to_json())["history"]) == {"innovation", "F", "G", "H"}


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "parameters.json"
    PRESET.to_json(path)

    def fail(_):
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        COMPACT.to_json(path)
    assert DeviceParams.from_json(path) == PRESET
    assert len(list(tmp_path.iterdir())) == 1


def test_files_of_other_editors(tmp_path):
    path = tmp_path / "parameters.json"
    PRESET.to_json(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert DeviceParams.from_json(path) == PRESET


def without(*keys):
    return {key: value for key, value in DOCUMENT.items() if key not in keys}


BAD_DOCUMENTS = {
    "is not JSON, or is cut short": json.dumps(DOCUMENT)[:900],
    "is not JSON, or is cut short: Expecting value": "U,I\n0.1,2\n",
    "it names 'name' twice": json.dumps(DOCUMENT)[:-1] + ', "name": "another"}',
    "it is nested too deeply": json.dumps(DOCUMENT)[:-1] + ', "name": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "must hold a JSON object, not a list": [1, 2],
    "has schema None, not 'synaptogen/device-params/1'": {},
    "has schema 'synaptogen/device-params/2'": {**DOCUMENT, "schema": "synaptogen/device-params/2"},
    "lacks U_max, population": without("population", "U_max"),
    "unknown keys u_range": {**DOCUMENT, "u_range": 1.5},
    "features must be exactly": {**DOCUMENT, "features": DOCUMENT["features"][::-1]},
    "iv lacks LLRS": {**DOCUMENT, "iv": {"HHRS": [1e-6, 0]}},
    "iv must be a JSON object": {**DOCUMENT, "iv": [1e-6, 0]},
    "history lacks lags": {**DOCUMENT, "history": {"innovation": np.eye(4).tolist()}},
    "history lacks G": {**DOCUMENT, "history": {"innovation": [], "F": [], "H": []}},
    "history has unknown keys order": {**DOCUMENT, "history": {**DOCUMENT["history"], "order": 10}},
    "history must be a JSON object": {**DOCUMENT, "history": None},
    "population has unknown keys sigma": {**DOCUMENT, "population": {**DOCUMENT["population"], "sigma": "log"}},
    "lags must have shape": {**DOCUMENT, "history": {**DOCUMENT["history"], "lags": np.eye(4).tolist()}},
    "eta must be positive": {**DOCUMENT, "reset_exponent": -1},
    "stretch must hold real numbers": {**DOCUMENT, "reset_stretch": ["a", 0, 0]},
    "u_max must be finite": {**DOCUMENT, "U_max": float("nan")},
    "source must be a mapping": {**DOCUMENT, "source": "a paper"},
}


@pytest.mark.parametrize("message", BAD_DOCUMENTS)
def test_files_that_are_no_parameter_files(message, write):
    path = write(BAD_DOCUMENTS[message])
    with pytest.raises(ValueError, match=message) as caught:
        DeviceParams.from_json(path)
    assert str(caught.value).startswith(str(path))


def test_binary_and_missing_files(tmp_path):
    path = tmp_path / "parameters.npz"
    path.write_bytes(b"PK\x03\x04\xff\xfe")
    for read in (DeviceParams.from_json, DeviceParams.from_published):
        with pytest.raises(ValueError, match=r"parameters\.npz is not a text file"):
            read(path)
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "nothing.json")


@settings(deadline=None, max_examples=100)
@given(st.integers(0, len(PRESET.to_json()) - 3))
def test_no_truncated_file_is_read(length):
    with pytest.raises(ValueError, match="JSON text"):
        DeviceParams.from_json("{" + PRESET.to_json()[1:length])


# ---------------------------------------------------------------------------------------- the published layout


def test_published_layout_gives_the_preset(write):
    params = DeviceParams.from_published(write(published(PRESET), "default.json"))
    assert params.name == "default"
    assert params.source["note"] == "Read from default.json, a file of the published layout, order p=10."
    assert params.replace(name=PRESET.name, source=PRESET.source) == PRESET


def test_published_layout_written_in_other_ways(write):
    content = published(PRESET)
    content["\N{MICRO SIGN}DtD"] = content.pop("\N{GREEK SMALL LETTER MU}DtD")
    content["\N{GREEK SMALL LETTER ETA}"] = [PRESET.eta]
    params = DeviceParams.from_published(write(content), name=PRESET.name)
    assert params.replace(source=PRESET.source) == PRESET


def test_published_layout_holds_several_orders(write):
    lower = PRESET.with_order(2)
    path = write(published(PRESET, {10: PRESET.history, 2: lower.history}))
    assert DeviceParams.from_published(path).history == PRESET.history
    assert DeviceParams.from_published(path, order=2).history == lower.history
    with pytest.raises(ValueError, match="order 3 is not in the file: it has 2, 10"):
        DeviceParams.from_published(path, order=3)


BAD_PUBLISHED = {
    "lacks HHRS, LLRS": {"U": [1, 2]},
    "lacks wk: it is not complete": {key: value for key, value in published(PRESET).items() if key != "wk"},
    "there is no history": {key: value for key, value in published(PRESET).items() if not key.startswith("VAR")},
    r"VAR_003 must have shape \(4, 16\), not \(4, 44\)": published(PRESET, {3: PRESET.history}),
    r"μDtD must have shape \(8, 3\), not \(3, 8\)": {**published(PRESET), "μDtD": POPULATION.means.tolist()},
    r"LDtD must have shape \(8, 24\)": {**published(PRESET), "LDtD": POPULATION.cholesky.tolist()},
    "eta must hold real numbers": {**published(PRESET), "η": "3"},
    "must hold a JSON object": [],
    "is not JSON, or is cut short": json.dumps(published(PRESET))[:2000],
}


@pytest.mark.parametrize("message", BAD_PUBLISHED)
def test_files_not_of_the_published_layout(message, write):
    path = write(BAD_PUBLISHED[message])
    with pytest.raises(ValueError, match=message) as caught:
        DeviceParams.from_published(path)
    assert str(caught.value).startswith(str(path))


def test_a_state_space_can_be_given():
    history = StateSpace(np.eye(4), [[0.5]], np.ones((1, 4)), np.ones((4, 1)))
    params = PRESET.replace(history=history)
    assert params.spectral_radius == 0.5
    assert params.constants().innovation[0] == (1.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("change", [{"name": "x\ud800"}, {"source": {"note": "\udfff"}}, {"source": {"\udc00": "x"}}])
def test_halves_of_characters_are_refused(change):
    with pytest.raises(ValueError, match="half a character"):
        PRESET.replace(**change)


@pytest.fixture
def written(tmp_path):
    PRESET.to_json(tmp_path / "p.json")
    return tmp_path / "p.json"


def test_a_flipped_bit_in_a_file_is_found_or_harmless(written):
    content, rng = written.read_bytes(), np.random.default_rng(1)
    found = 0
    for _ in range(150):
        damaged = bytearray(content)
        damaged[rng.integers(len(content))] ^= 1 << rng.integers(8)
        written.write_bytes(damaged)
        try:
            assert DeviceParams.from_json(written) == PRESET
        except ValueError:
            found += 1
    assert found > 75


def test_an_edited_file_is_used_without_its_digest(written):
    edited = written.read_text().replace('"U_read": 0.2', '"U_read": 0.1')
    written.write_text(edited)
    with pytest.raises(ValueError, match='delete the line that begins with "digest"'):
        DeviceParams.from_json(written)
    with pytest.raises(ValueError, match="delete the line"):
        DeviceParams.from_json(edited)
    assert DeviceParams.from_json(json.loads(edited)).u_read == 0.1  # an object in memory was not stored
    written.write_text("".join(line for line in edited.splitlines(True) if '"digest"' not in line))
    assert DeviceParams.from_json(written).u_read == 0.1


def test_the_layout_of_a_file_is_free(written):
    written.write_text(json.dumps(json.loads(written.read_text()), indent=4, sort_keys=True))
    assert DeviceParams.from_json(written) == PRESET


def test_files_without_digest_are_read(written):
    written.write_text(PRESET.to_json())
    assert DeviceParams.from_json(written) == PRESET


def test_gigantic_files_are_refused_unread(tmp_path):
    with open(tmp_path / "p.json", "wb") as file:
        file.truncate(1 << 40)  # takes no room
    for read in (DeviceParams.from_json, DeviceParams.from_published):
        with pytest.raises(ValueError, match="more than 64 MiB"):
            read(tmp_path / "p.json")


@pytest.mark.parametrize("key", [*DOCUMENT, "other"])
def test_nested_json_is_refused(tmp_path, key):
    for depth in (70, 1500, 100_000):
        text = json.dumps({**DOCUMENT, key: "@"}).replace('"@"', "[" * depth + "]" * depth)
        (tmp_path / "p.json").write_text(text)
        with pytest.raises(ValueError, match=r"p\.json"):
            DeviceParams.from_json(tmp_path / "p.json")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: VAR(np.eye(4), np.zeros((1001, 4, 4))), "lags must have at most 1000 lags, not 1001"),
        (lambda: StateSpace(np.eye(4), np.zeros((1001, 1)), 0, 0), "F must have at most 1000 states"),
        (lambda: Population(np.full(10001, 1 / 10001), 0, 0), "weights must have at most 10000 components"),
    ],
)
def test_sizes_beyond_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def keys_of_files(document):
    """Keys that the page on parameter files has a row for; a part with a page of its own counts as one."""
    for key, value in document.items():
        if isinstance(value, dict) and key not in ("source", "fluctuation", "pulse_width"):
            yield from (f"{key}.{inner}" for inner in value)
        else:
            yield key
    yield from {key for feature in document["features"] for key in feature}


def test_the_page_on_parameter_files_has_every_key(tmp_path):
    data = Path(__file__).parents[1] / "data"
    full = (
        DeviceParams.from_json(data / "own_laws.json").with_fluctuation("hfox-1t1r").with_pulse_width("hfox-1t1r-gate")
    )
    full = full.replace(u_range=1.7, stretch=[0.2, 0.3, 0.05])
    written = set()
    for params in (full, DeviceParams.from_json(data / "feature_scales.json"), PRESET.with_order(1)):
        params.to_json(tmp_path / "params.json")
        written.update(keys_of_files(json.loads((tmp_path / "params.json").read_text(encoding="utf-8"))))
    page = (Path(__file__).parents[2] / "docs" / "parameters.md").read_text(encoding="utf-8")
    described = set()
    for cell in re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE):
        first, *others = re.findall(r"`([\w.]+)`", cell)
        described |= {first, *(first.rsplit(".", 1)[0] + name if name.startswith(".") else name for name in others)}
    assert written - described == set()
