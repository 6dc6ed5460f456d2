"""Validation: the true model passes, differences are found, and so is a population that no shared model describes."""

import io
import zipfile

import numpy as np
import pytest

pytest.importorskip("sklearn")

import synaptogen as sg
from synaptogen import learn
from synaptogen.learn.validation import device_spread, windows
from synaptogen.learn.validation.distribution_distances import Marginal, common_grid, ks_and_wasserstein
from synaptogen.learn.validation.samples import FeatureSample, assign_folds, draw_splits, reference_models
from synaptogen.params import FEATURE_NAMES
from synaptogen.params.history import VAR

PRESET = sg.DeviceParams.preset("hennen2024")
QUICK = {"splits": 8, "windows": 1500}


def measure(devices, cycles, seed, params=PRESET):
    f = sg.CellArray(devices, params, rng=seed).run_cycles(cycles)
    return {name: getattr(f, name).T.astype(float) for name in FEATURE_NAMES}


def grades(validation):
    return {p.name: p.grade for p in validation.properties}


@pytest.fixture(scope="module")
def true_model():
    return learn.validate(PRESET, learn.features(**measure(64, 300, 3)), held_out="all, simulated", **QUICK)


def test_the_true_model_passes(true_model):
    # 23 lines, each wrong in at most 5 % of runs: more than three wrong ones in fewer than 3 % of seeds
    judged = {name: grade for name, grade in grades(true_model).items() if name not in windows.CLUES.values()}
    assert sum(g != "good" for g in judged.values()) <= 3
    assert true_model.one_law
    assert all(np.isfinite([p.generated, p.limit]).all() for p in true_model.properties)


def test_rivals_stand_beside(true_model):
    classifier = true_model["classifier"]
    assert classifier.independent > 0.6 > classifier.generated
    memory = true_model["score correlations"]
    assert memory.independent > memory.limit
    assert memory.order_1 > memory.limit
    with pytest.raises(KeyError, match="there is no property 'x'"):
        true_model["x"]


def test_swaps_keep_the_values_or_the_order():
    rng = np.random.default_rng(5)
    others, records = rng.normal(size=(2, 3, 20, 4))
    others[0, 4], records[0, 4] = np.nan, np.nan
    by_value, by_order = (windows.swapped(others, records, keep) for keep in ("values", "order"))
    for made, order, values in ((by_value, others, records), (by_order, records, others)):
        np.testing.assert_array_equal(np.argsort(made, axis=1), np.argsort(order, axis=1))
        np.testing.assert_array_equal(np.sort(made, axis=1), np.sort(values, axis=1))
    np.testing.assert_array_equal(windows.swapped(others, others, "values"), others)


def test_a_law_without_memory_is_found_out():
    white = reference_models(PRESET)["independent"]
    v = learn.validate(white, learn.features(**measure(48, 300, 4)), **QUICK)
    assert grades(v)["score correlations"] == "poor"
    assert grades(v)["classifier"] == "poor"
    assert grades(v)["residuals"] == "poor"
    values, order = (v[name] for name in windows.CLUES.values())
    assert order.generated > 0.6 > values.generated
    assert v.verdict.startswith(
        f"a classifier tells measured from simulated cycles with an AUC of {v['classifier'].generated:.2f}"
    )
    assert f"by the order of cycles alone {order.generated:.2f}" in v.verdict
    assert grades(v)["KS distance of u_set"] in ("good", "fair")
    assert any("kept from the fit" in note for note in v.notes)


def test_another_shape_and_other_devices_are_found_out():
    shaped = PRESET.replace(
        quantile=np.array([[0, 0, 0, 1, 0]] * 4, float),
        population=sg.Population(
            PRESET.population.weights, 1.1 * PRESET.population.means, PRESET.population.cholesky, "linear"
        ),
    )
    v = learn.validate(shaped, learn.features(**measure(48, 300, 5)), **QUICK)
    assert grades(v)["KS distance of u_set"] == "poor"
    assert grades(v)["Wasserstein distance of u_set"] == "poor"
    assert grades(v)["device vectors"] == "poor"


def different_devices(devices, cycles):
    """Half of the devices remember and are skewed, the others neither."""
    gamma0 = PRESET.history.autocovariance(0)[0]
    half = VAR(lags=0.75 * np.eye(4)[None], innovation=np.linalg.cholesky((1 - 0.75**2) * gamma0))
    white = reference_models(PRESET)["independent"].replace(quantile=np.array([[0, 0, 0, 1, 0]] * 4, float))
    parts = [measure(devices // 2, cycles, 6 + k, p) for k, p in enumerate((PRESET.replace(history=half), white))]
    return learn.features(**{name: np.concatenate([p[name] for p in parts]) for name in FEATURE_NAMES})


def test_devices_that_differ_in_shape_and_memory_are_reported_with_a_figure():
    train, test, summary = learn.hold_out(different_devices(96, 300), 0.5)
    fitted = learn.fit(train, history="var").params
    v = learn.validate(fitted, test, held_out=summary, **QUICK)
    assert not v.one_law
    assert v.notes[0].startswith("one shared law is not enough")
    poor = [p for p in v.properties if p.name.startswith("spread of lag-1") and p.grade == "poor"]
    assert len(poor) == 4
    assert "one shared law is not enough" in poor[0].verdict
    assert v.curves["spread_lag-1 correlation of r_lrs"].shape == (2, 48)
    assert int(v.facts["settings tried in the fit"].split(":")[0]) > 1


def test_one_device_is_compared_without_its_population():
    v = learn.validate(PRESET, learn.features(**measure(1, 400, 8)), **QUICK)
    names = grades(v)
    assert "device vectors" not in names
    assert names["score correlations"] in ("good", "fair")
    assert any("too few to judge how devices differ" in note for note in v.notes)


def test_some_features_only():
    values = measure(20, 120, 9)
    v = learn.validate(PRESET, learn.features(r_hrs=values["r_hrs"], r_lrs=values["r_lrs"]), **QUICK)
    assert "KS distance of r_lrs" in grades(v)
    assert "KS distance of u_set" not in grades(v)
    assert v.curves["x_measured"].shape[1:] == (2, 2)


def test_loops_are_compared_point_by_point(simulate):
    found = simulate(16, 40)
    v = learn.validate(PRESET, learn.loops(found.voltage, found.current), **QUICK)
    assert v["I-V loops"].grade == "good"
    u, distance = v.curves["loop_u"], v.curves["loop_distance"]
    assert u.shape == distance.shape
    assert np.isfinite(distance).all()
    other = PRESET.replace(llrs=0.8 * PRESET.llrs)
    worse = learn.validate(other, learn.loops(found.voltage, found.current), **QUICK)
    assert worse["I-V loops"].generated > v["I-V loops"].generated


def test_a_validation_survives_a_file(true_model, tmp_path):
    path = tmp_path / "v.npz"
    true_model.save(path)
    back = learn.Validation.load(path)
    assert back.params == true_model.params
    assert [p.name for p in back.properties] == [p.name for p in true_model.properties]
    np.testing.assert_equal(back.curves, true_model.curves)
    with pytest.raises(FileNotFoundError):
        learn.Validation.load(tmp_path / "none.npz")
    np.savez(tmp_path / "other.npz", a=1)
    (tmp_path / "text.npz").write_text("no")
    for name in ("other.npz", "text.npz"):
        with pytest.raises(ValueError, match="is no validation"):
            learn.Validation.load(tmp_path / name)


def test_a_damaged_validation_is_refused_or_harmless(true_model, tmp_path):
    path, rng = tmp_path / "v.npz", np.random.default_rng(1)
    true_model.save(path)
    content = path.read_bytes()
    for k in range(60):
        damaged = bytearray(content)
        if k % 2:
            damaged[rng.integers(len(content))] ^= 1 << rng.integers(8)
        else:
            del damaged[rng.integers(len(content)) :]
        path.write_bytes(damaged)
        try:
            back = learn.Validation.load(path)
        except ValueError:
            continue
        np.testing.assert_equal(back.curves, true_model.curves)


@pytest.mark.parametrize("head", ["(((", "{'descr': '<f8', 'shape': (2,", "{'descr': 3L, '", "(" * 3000, "{}", "\0\0"])
def test_damaged_heads_of_arrays_are_refused(head, tmp_path):
    """NumPy reads some of them as those of Python 2, with errors of the tokenizer."""
    with zipfile.ZipFile(tmp_path / "v.npz", "w") as archive:
        archive.writestr("about.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode())
    with pytest.raises(ValueError, match="is no validation"):
        learn.Validation.load(tmp_path / "v.npz")


@pytest.mark.parametrize("shape", [(10**9,), (10**6, 10**6, 10**9), (2,)])
def test_sizes_in_a_validation_are_not_believed(tmp_path, shape):
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(tmp_path / "v.npz", "w") as archive:
        archive.writestr("about.npy", head.getvalue())
    with pytest.raises(ValueError, match="is no validation") as found:
        learn.Validation.load(tmp_path / "v.npz")
    assert "another size" in str(found.value.__cause__)


def test_a_validation_that_unfolds_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "v.npz", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.npy", "w") as file:
        for _ in range(257):
            file.write(bytes(1 << 20))
    with pytest.raises(ValueError, match="is no validation") as found:
        learn.Validation.load(tmp_path / "v.npz")
    assert "MiB" in str(found.value.__cause__)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"share": 0}, "between 0 and 1"), ({"share": 0.01}, "without any"), ({"by": "point"}, "'device', 'cycle'")],
)
def test_parts_that_cannot_be_held_out(changes, message):
    with pytest.raises(ValueError, match=message):
        learn.hold_out(learn.features(**measure(8, 10, 1)), **{"share": 0.5, **changes})


def test_parts_that_are_held_out_are_disjoint():
    data = learn.features(**measure(40, 10, 1))
    for by, n in (("device", 40), ("cycle", 10)):
        train, test, summary = learn.hold_out(data, 0.3, by=by)
        assert set(train[by].values).isdisjoint(test[by].values)
        assert train.sizes[by] + test.sizes[by] == n
        assert summary.startswith(f"{round(0.3 * n)} of {n} {by}s")


def test_cycles_are_held_out_in_blocks_between_those_to_learn_from():
    """So that neither part is early or late, and no cycle lies beyond what was learned."""
    data = learn.features(**measure(1, 1000, 1)).drop_vars("cycle", errors="ignore")
    for share, blocks in ((0.25, 8), (0.5, 8), (0.06, 2), (0.01, 1)):
        train, test, summary = learn.hold_out(data, share, by="cycle")
        kept, out = train["cycle"].to_numpy(), test["cycle"].to_numpy()
        assert summary == f"{round(share * 1000)} of 1000 cycles, in {blocks} block{'s' * (blocks != 1)}"
        assert np.count_nonzero(np.diff(out) > 1) == blocks - 1
        assert kept[0] == 0
        assert kept[-1] == 999
        assert abs(kept.mean() - out.mean()) < 3  # of 1,000: blocks hold whole cycles


def test_parts_of_a_drifting_device_have_its_trend():
    """Learned from blocks of its cycles; the numbers of the cycles count, not their places in the table."""
    n = np.arange(600)
    noise = np.random.default_rng(1).standard_normal(600)
    data = learn.features(r_lrs=3000 + 2 * n + 50 * noise)
    train, test, _ = learn.hold_out(data, 0.3)
    assert train.sizes["cycle"] == 420
    settled, coefficients = learn.remove_trend(train, 1)
    assert float(coefficients.r_lrs[0, 0]) == pytest.approx(599, rel=0.02)
    assert float(settled.r_lrs.std()) == pytest.approx(50, rel=0.1)
    assert float(learn.remove_trend(test, 1)[1].r_lrs[0, 0]) == pytest.approx(
        np.ptp(test["cycle"].to_numpy()), rel=0.05
    )


def test_stretches_of_a_record_with_gaps_hold_equally_many_cycles():
    y = np.full((1, 500, 4), np.nan)
    at = np.arange(500) % 100 >= 80
    y[:, at] = np.random.default_rng(1).standard_normal((1, 100, 4))
    fold, stretches = assign_folds(1, 100, np.random.default_rng(1))
    sample = FeatureSample.from_records(y, sg.DeviceParams.preset("hennen2024"), fold, stretches)
    assert np.all(np.isfinite(sample.z).all(-1).sum(1) == 100 // stretches)


@pytest.mark.parametrize(
    ("devices", "cycles", "axis", "count"),
    [(8, 400, "cycle", 100), (8, 60, "device", 2), (2, 60, "cycle", 15), (40, 400, "device", 10), (8, 20, "cycle", 5)],
)
def test_cycles_are_held_out_where_enough_are_left_to_judge(devices, cycles, axis, count):
    """And devices elsewhere, if there are enough of them; a quarter each time."""
    _, test, _ = learn.hold_out(learn.features(**measure(devices, cycles, 1)))
    assert test.sizes[axis] == count
    assert test.sizes[{"cycle": "device", "device": "cycle"}[axis]] == {"cycle": devices, "device": cycles}[axis]


def test_splits_are_different_halves():
    for folds in (4, 7, 16):
        masks = draw_splits(folds, 12, 1, np.random.default_rng(1))
        assert all(m.sum() == folds // 2 or m.sum() == (folds + 1) // 2 for m in masks)
        sets = [frozenset(np.flatnonzero(m)) for m in masks]
        assert len(set(sets)) == len(masks) >= 3


@pytest.mark.parametrize(("folds", "most", "number"), [(8, 100, 8), (8, 5, 5), (16, 100, 100), (12, 32, 32)])
def test_splits_of_stretches_part_neighbours(folds, most, number):
    """Each half has one of two neighbouring stretches; no split is another one, or its complement."""
    masks = np.array(draw_splits(folds, most, 2, np.random.default_rng(1)))
    assert masks.shape == (number, folds)
    assert np.all(masks[:, 0::2] != masks[:, 1::2])
    assert len(np.unique(np.concatenate([masks, ~masks]), axis=0)) == 2 * number


def test_distances_of_known_distributions():
    # uniform on [0, 1] against [0.5, 1.5]: KS 1/2, Wasserstein 1/2; 20,000 values know both to 0.01
    rng = np.random.default_rng(2)
    a, b = rng.uniform(size=(4, 5000)), 0.5 + rng.uniform(size=(4, 5000))
    grid = common_grid(a, b)
    ks, w1 = ks_and_wasserstein(Marginal.from_records(a, grid).whole(), Marginal.from_records(b, grid).whole(), grid)
    assert abs(ks - 0.5) < 0.02
    assert abs(w1 - 0.5) < 0.02


def test_the_bootstrap_knows_autocorrelation():
    # AR(1) of 0.9 has a variance of the mean 19 times that of white noise: chance distances grow with it
    rng = np.random.default_rng(3)
    white = rng.standard_normal((40, 200))
    slow = np.empty_like(white)
    slow[:, 0] = white[:, 0]
    for n in range(1, 200):
        slow[:, n] = 0.9 * slow[:, n - 1] + np.sqrt(1 - 0.81) * white[:, n]
    chance = []
    for x in (white, slow):
        m = Marginal.from_records(x, common_grid(x))
        chance.append(np.median(m.chance(m, rng)[0]))
    assert chance[1] > 2 * chance[0]


def test_energy_distance_of_shifted_normals():
    # E|X-Y| of normals d apart is 2 r phi(d/r) + d (2 Phi(d/r) - 1) with r = sqrt 2; at d = 2, twice that less
    # 4/sqrt(pi) is 1.9443; the errors of 2,000 points are 0.04 at d = 2 and below 0.003 at 0
    rng = np.random.default_rng(4)
    a, b = rng.standard_normal((2000, 1)), 2 + rng.standard_normal((2000, 1))
    assert abs(windows.energy_distance(a, b) - 1.94) < 0.15
    assert abs(windows.energy_distance(a, rng.standard_normal((2000, 1)))) < 0.01


def test_windows_keep_to_their_records():
    records = np.arange(2 * 6 * 4, dtype=float).reshape(2, 6, 4)
    records[0, 2] = np.nan
    points, group = windows.sample_windows(records, np.array([5, 7]), (0, 1), 100, np.random.default_rng(1))
    assert set(group) == {7}  # every window of the first would hold the missing cycle
    assert np.all(np.diff(points.reshape(-1, 4, 2)[..., 0], axis=1) == 4)


def test_traits_of_known_records():
    rng = np.random.default_rng(5)
    e = rng.standard_normal((16, 4000, 4))
    x = np.empty_like(e)
    x[:, 0] = e[:, 0]
    for n in range(1, 4000):
        x[:, n] = 0.6 * x[:, n - 1] + 0.8 * e[:, n]
    found = device_spread.device_traits(x, x, (0,))
    assert np.abs(found["lag-1 correlation of r_hrs"] - 0.6).max() < 0.06  # 4.7 standard errors
    assert np.abs(found["skewness of r_hrs"]).max() < 0.3
