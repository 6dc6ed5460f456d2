"""Populations for other simulators of networks: their programming errors, read noise and drift as a Python file."""

from .tables import ErrorTables, Peer, Programming, error_tables
from .writing import noise_model, write_noise_model

__all__ = ["ErrorTables", "Peer", "Programming", "error_tables", "noise_model", "write_noise_model"]
