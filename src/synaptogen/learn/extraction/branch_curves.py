"""Curves of the branches of one device, as tables for the compiled loops.

A branch carries I(x, U) = a(U) + x d(U), with a state x of each cycle. Two kinds of curves have this form: the mixture
of two polynomials (`envelope_fit`), where x is the mixing state, and a shape of one parameter (`shape_fit`), where a is
0 and x a conductance.
"""

from dataclasses import dataclass, replace

import numpy as np

from synaptogen._utils import Float64Array

from .envelope_fit import EnvelopeMixture
from .shape_fit import Shape, shape_values

GRID = 1201  # voltages of a table
A, B, C = range(3)


@dataclass(frozen=True)
class BranchCurves:
    """Curves of branches A, B and C.

    Parameters
    ----------
    tables : array of shape (3, 2, GRID)
        a and d in A, at voltages from -``u_range`` to ``u_range``.
    windows : array of shape (3, 2)
        Voltages in V between which points are fitted.
    at_zero, per_state : array of shape (3,)
        Conductance in S at the read voltage: ``at_zero + per_state * x``.
    shape_error : array of shape (3,)
        Relative standard error of conductances that comes from an unknown shape.
    at_points : array of shape (3,)
        1 where conductances were scaled to points beside the read voltage, else 0.
    u_range : float
        In V.
    """

    tables: Float64Array
    windows: Float64Array
    at_zero: Float64Array
    per_state: Float64Array
    shape_error: Float64Array
    at_points: Float64Array
    u_range: float

    def conductance(self, states: Float64Array) -> Float64Array:
        """Return conductances in S at the read voltage.

        Parameters
        ----------
        states : array of shape (n, 3)

        Returns
        -------
        array of shape (n, 3)
        """
        return np.asarray(self.at_zero + self.per_state * states)

    def current(self, branch: int, g: float, u: Float64Array) -> Float64Array:
        """Return currents in A of one branch.

        Parameters
        ----------
        branch : int
            0, 1, 2 for A, B, C.
        g : float
            Conductance in S at the read voltage.
        u : array
            Voltages in V.

        Returns
        -------
        array
        """
        x = (g - self.at_zero[branch]) / self.per_state[branch]
        grid = np.linspace(-self.u_range, self.u_range, GRID)
        a, d = (np.interp(u, grid, table) for table in self.tables[branch])
        return np.asarray(a + x * d)

    def with_branch(self, branch: int, other: "BranchCurves") -> "BranchCurves":
        """Return the curves with one branch of others.

        Parameters
        ----------
        branch : int
            0, 1, 2 for A, B, C.
        other : BranchCurves

        Returns
        -------
        BranchCurves
        """
        changed = {}
        for name in ("tables", "windows", "at_zero", "per_state", "shape_error", "at_points"):
            array = getattr(self, name).copy()
            array[branch] = getattr(other, name)[branch]
            changed[name] = array
        return replace(self, **changed)

    def with_shape(self, branch: int, shape: Shape, side: int, u_read: float) -> "BranchCurves":
        """Return the curves with another one of one branch.

        Parameters
        ----------
        branch : int
            0, 1, 2 for A, B, C.
        shape : Shape
        side : {-1, 0, 1}
            Sign of the voltages at which it holds; 0 for both.
        u_read : float
            In V.

        Returns
        -------
        BranchCurves
        """
        u = np.linspace(-self.u_range, self.u_range, GRID)
        tables, windows = self.tables.copy(), self.windows.copy()
        at_zero, per_state, error = self.at_zero.copy(), self.per_state.copy(), self.shape_error.copy()
        tables[branch] = np.stack([np.zeros(GRID), shape_values(u, shape.growth, u_read)])
        windows[branch] = (-shape.top if side <= 0 else 0.0), (shape.top if side >= 0 else 0.0)
        at_zero[branch], per_state[branch], error[branch] = 0.0, 1.0, shape.error
        return replace(self, tables=tables, windows=windows, at_zero=at_zero, per_state=per_state, shape_error=error)


def straight_curves(u_range: float) -> BranchCurves:
    """Return curves of resistors.

    Parameters
    ----------
    u_range : float
        Largest voltage in V.

    Returns
    -------
    BranchCurves
    """
    u = np.linspace(-u_range, u_range, GRID)
    tables = np.stack([np.stack([np.zeros(GRID), u])] * 3)
    windows = np.array([[-np.inf, np.inf]] * 3)
    return BranchCurves(tables, windows, np.zeros(3), np.ones(3), np.zeros(3), np.zeros(3), u_range)


def mixture_curves(mixture: EnvelopeMixture, u_range: float, u_read: float, hrs_top: float) -> BranchCurves:
    """Return the curves that branches mix.

    Parameters
    ----------
    mixture : EnvelopeMixture
    u_range, u_read : float
        In V.
    hrs_top : float
        Voltage in V up to which branch C is fitted.

    Returns
    -------
    BranchCurves
    """
    u = np.linspace(-u_range, u_range, GRID)
    a = np.polyval(mixture.llrs, u)
    tables = np.stack([np.stack([a, np.polyval(mixture.hhrs, u) - a])] * 3)
    windows = np.array([[-np.inf, np.inf], [-np.inf, np.inf], [-np.inf, hrs_top]])
    g_llrs, g_hhrs = (float(np.polyval(p, u_read)) / u_read for p in (mixture.llrs, mixture.hhrs))
    at_zero, per_state = np.full(3, g_llrs), np.full(3, g_hhrs - g_llrs)
    return BranchCurves(tables, windows, at_zero, per_state, np.zeros(3), np.zeros(3), u_range)
