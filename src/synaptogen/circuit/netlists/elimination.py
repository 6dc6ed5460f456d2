"""Resistors that carry nothing, and by which a simulator eliminates the nodes of wires in a better order.

KLU, the solver of ngspice and of VACASK, orders the unknowns of a matrix by approximate minimum degree (P. R. Amestoy,
T. A. Davis and I. S. Duff, SIAM J. Matrix Anal. Appl. 17, 886 (1996)). In two layers of lines that cells join, that
takes two to three times the operations of nested dissection (A. George, SIAM J. Numer. Anal. 10, 345 (1973)), which
cuts the array in halves again and again, and eliminates the nodes of a cut after both of its halves.

An order cannot be given to these simulators, but degrees can. Resistors between neighbours on a cut raise the degrees
of its nodes, and so delay them. They add next to no fill, for these nodes will be joined anyway once both halves have
been eliminated. Their conductance is far below the rounding of that of a wire.
"""

from collections.abc import Iterator

from .circuit import ArrayCircuit
from .elements import Resistor

OHMS = 1e30  # its conductance is below the rounding of that of any wire
SMALL = 24  # lines on the shorter side of a part that is left as it is
NEIGHBOURS = 10  # nodes further on along the cut, to which a node is joined


def ordering_resistors(array: ArrayCircuit) -> Iterator[Resistor]:
    """Yield resistors which carry no current, for a matrix that takes fewer operations to factorise.

    Parameters
    ----------
    array : ArrayCircuit
        The cells and wires.

    Yields
    ------
    Resistor
        Of 1e30 ohm; none in an array with ideal rows or columns, or with 24 rows or columns at most.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen.circuit.netlists import array_circuit
    >>> from synaptogen.circuit.netlists.elimination import ordering_resistors
    >>> array = array_circuit(sg.CellArray((32, 32), rng=1), "read", wire_resistance=1.0)
    >>> next(ordering_resistors(array))
    Resistor(name='ro0', a='r0_16', b='r1_16', ohms=1e+30)
    """
    if not (array.wire_resistance and array.column_ohms):
        return
    count = 0
    for nodes in cuts(array, range(array.shape[0]), range(array.shape[1])):
        for step in range(1, NEIGHBOURS + 1):
            for a, b in zip(nodes, nodes[step:], strict=False):
                yield Resistor(f"ro{count}", a, b, OHMS)
                count += 1


def cuts(array: ArrayCircuit, rows: range, columns: range) -> Iterator[list[str]]:
    """Yield the nodes that part the halves of a part of an array, then those of its halves, and so on.

    A cut along a column takes the nodes of the rows there, for rows alone lead across.

    Parameters
    ----------
    array : ArrayCircuit
        The cells and wires.
    rows, columns : range
        Lines of the part.

    Yields
    ------
    list of str
        Nodes of one cut, from end to end.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen.circuit.netlists import array_circuit
    >>> from synaptogen.circuit.netlists.elimination import cuts
    >>> array = array_circuit(sg.CellArray((32, 32), rng=1), "read", wire_resistance=1.0)
    >>> [(nodes[0], nodes[-1]) for nodes in cuts(array, range(32), range(32))]
    [('r0_16', 'r31_16')]
    """
    if min(len(rows), len(columns)) <= SMALL:
        return
    if len(columns) >= len(rows):
        j = columns[len(columns) // 2]
        yield [array.row_node(i, j) for i in rows]
        yield from cuts(array, rows, range(columns.start, j))
        yield from cuts(array, rows, range(j + 1, columns.stop))
    else:
        i = rows[len(rows) // 2]
        yield [array.column_node(i, j) for j in columns]
        yield from cuts(array, range(rows.start, i), columns)
        yield from cuts(array, range(i + 1, rows.stop), columns)
