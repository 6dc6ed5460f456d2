import pytest
from definition_figures import definition, save_definitions

from synaptogen.params import FEATURE_NAMES

pytest.importorskip("matplotlib")


def test_a_figure_for_each_definition(tmp_path):
    save_definitions(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"definition-{f}.png" for f in FEATURE_NAMES)


def test_unknown_features_are_refused():
    with pytest.raises(ValueError, match="did you mean 'r_hrs'"):
        definition("r_hrss")
