"""Formulas of the model as text of another language: they run on symbols, and the expressions are written out."""

from .language import AND, ATOM, BIT_AND, BIT_OR, BIT_XOR, EQUAL, OR, ORDER, PLUS, SHIFT, TIMES, UNARY, Form, Language
from .operations import OPERATIONS, traced
from .symbols import Operand, Symbol, Type, call, name, numbered, symbol
from .writing import statements, text

__all__ = [
    "AND",
    "ATOM",
    "BIT_AND",
    "BIT_OR",
    "BIT_XOR",
    "EQUAL",
    "OPERATIONS",
    "OR",
    "ORDER",
    "PLUS",
    "SHIFT",
    "TIMES",
    "UNARY",
    "Form",
    "Language",
    "Operand",
    "Symbol",
    "Type",
    "call",
    "name",
    "numbered",
    "statements",
    "symbol",
    "text",
    "traced",
]
