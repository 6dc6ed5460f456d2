"""Expressions as text: assignments that compute each node once, with as few brackets as the meaning allows."""

from collections import Counter
from collections.abc import Mapping, Sequence

from .language import ATOM, Form, Language
from .symbols import Symbol, Type


def statements(
    outputs: Mapping[str, Symbol], language: Language, names: Sequence[str] = ()
) -> tuple[list[str], dict[str, Type]]:
    """Write assignments that compute some expressions.

    A node that is used more than once is computed once, as a temporary variable.

    Parameters
    ----------
    outputs : mapping of str to Symbol
        The expression of each variable to assign.
    language : Language
        The language.
    names : sequence of str
        Names for temporary variables in the order of their use; further ones are t1, t2 ...

    Returns
    -------
    lines : list of str
        The assignments.
    kinds : dict of str to str
        The type of each temporary variable.
    """
    uses: Counter[Symbol] = Counter()
    order: list[Symbol] = []

    def visit(node: Symbol) -> None:
        uses[node] += 1
        if uses[node] == 1:
            for arg in node.args:
                visit(arg)
            order.append(node)

    for node in outputs.values():
        visit(node)
    assigned: dict[Symbol, list[str]] = {}
    for output, node in outputs.items():
        assigned.setdefault(node, []).append(output)
    named: dict[Symbol, str] = {}
    kinds: dict[str, Type] = {}
    lines = []
    for node in order:
        variables = assigned.get(node, [])
        if node.args and uses[node] > 1 and not variables:
            variables = [names[len(kinds)] if len(kinds) < len(names) else f"t{len(kinds) + 1}"]
            kinds[variables[0]] = node.kind
        for variable in variables:
            lines.append(language.assignment.format(variable, text(node, language, named)))
            named[node] = variable
    return lines, kinds


def text(
    node: Symbol, language: Language, named: Mapping[Symbol, str] | None = None, rank: int = 0, right: bool = False
) -> str:
    """Write an expression.

    Parameters
    ----------
    node : Symbol
        The expression.
    language : Language
        The language.
    named : mapping of Symbol to str, optional
        Variables that hold parts of it.
    rank, right : int, bool
        Rank of the operator around it, and whether it is the right operand.

    Returns
    -------
    str
        The text.

    Raises
    ------
    TypeError
        If the language has no form of an operation.
    """
    named = named or {}
    if node in named:
        return named[node]
    form = _form(node, language)
    inner = form.inner or (form.rank if form.rank < ATOM else 0)
    parts = [text(arg, language, named, inner, k > 0) for k, arg in enumerate(node.args)]
    written = form.pattern.format(*parts).replace("+ -", "- ")
    return f"({written})" if form.rank < rank or (right and form.rank == rank < ATOM) else written


def _form(node: Symbol, language: Language) -> Form:
    if isinstance(node.operation, Form):
        return node.operation
    if node.operation not in language.forms:
        raise TypeError(f"{language.name} has no {node.operation}: give it a form in {language.place}")
    return language.forms[node.operation]
