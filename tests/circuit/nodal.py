"""An array with wire resistance, solved apart from everything else: sparse nodal equations and Newton's method.

For tests and benchmarks. Rows are fed at column 0, columns at row 0, one segment before each cell.
"""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from synaptogen.model import iv

U_STEP = 1e-6  # V, for derivatives


def incidence(rows, columns):
    """Which segments join which nodes: (rows of -1, 1 over all nodes), nodes are row nodes then column nodes."""
    n = rows * columns
    cell = np.arange(n).reshape(rows, columns)
    node_r, node_c = cell, n + cell
    pairs = np.concatenate(
        [
            np.stack([node_r[:, :-1].ravel(), node_r[:, 1:].ravel()], axis=1),
            np.stack([node_c[:-1].ravel(), node_c[1:].ravel()], axis=1),
        ]
    )
    return pairs, node_r[:, 0], node_c[0]


class Wired:
    """The nodal equations of an array; ``ohms`` is the resistance of a segment, ``p`` the constants of the model.

    ``column_ohms``: of a segment of a column, where that differs.
    """

    def __init__(self, shape, ohms, p, column_ohms=None):
        self.shape, self.p, self.n = shape, p, shape[0] * shape[1]
        self.g, self.g_column = 1.0 / ohms, 1.0 / (column_ohms or ohms)
        pairs, self.row_feed, self.column_feed = incidence(*shape)
        nodes = 2 * self.n
        diagonal = np.zeros(nodes)
        i, j = pairs.T
        of_segments = np.where(i < self.n, self.g, self.g_column)
        np.add.at(diagonal, pairs, of_segments[:, None])
        diagonal[self.row_feed] += self.g
        diagonal[self.column_feed] += self.g_column
        off = -of_segments
        self.wires = sparse.csc_matrix(
            (np.r_[diagonal, off, off], (np.r_[np.arange(nodes), i, j], np.r_[np.arange(nodes), j, i]))
        )
        self.v = np.zeros(nodes)

    def solve(self, r, rows, columns, tolerance=1e-12):
        """Voltages of cells (rows, columns) for mixing states r and line voltages; the last solution is the start."""
        r = np.asarray(r, float).ravel()
        feed = np.zeros(2 * self.n)
        feed[self.row_feed] += self.g * rows
        feed[self.column_feed] += self.g_column * columns
        k = np.arange(self.n)
        for _ in range(50):
            u = self.v[self.n :] - self.v[: self.n]
            i = iv.current(r, u, self.p)
            slope = (iv.current(r, u + U_STEP, self.p) - iv.current(r, u - U_STEP, self.p)) / (2 * U_STEP)
            residual = self.wires @ self.v - feed + np.r_[-i, i]
            cells = sparse.csc_matrix(
                (
                    np.r_[slope, slope, -slope, -slope],
                    (np.r_[k, self.n + k, k, self.n + k], np.r_[k, self.n + k, self.n + k, k]),
                )
            )
            step = splu(self.wires + cells, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(residual)
            self.v -= step
            if np.abs(step).max() < tolerance:
                return (self.v[self.n :] - self.v[: self.n]).reshape(self.shape)
        raise AssertionError("Newton's method did not converge")

    def row_currents(self, rows):
        """Currents out of the array into the row drivers."""
        return (self.v[self.row_feed] - rows) * self.g


def quasi_static(cells, wired, rows, columns, steps=200):
    """Raise line voltages step by step and let cells follow, one SET at a time; the cells change."""
    for part in np.linspace(0.0, 1.0, steps + 1)[1:]:
        while True:
            u = wired.solve(cells.r, part * rows, part * columns)
            u_set, mode = cells.features.u_set, cells.mode
            over = np.where((mode != 1) & (u <= u_set), u_set - u, -1.0)
            before = cells.r.copy()
            if over.max() >= 0.0:
                # the first to set lowers the voltage of the others
                cells.apply_voltage(u, where=over == over.max())
            else:
                cells.apply_voltage(u, where=u > 0.0)
            if np.abs(cells.r - before).max() < 1e-9 and over.max() < 0.0:
                break
