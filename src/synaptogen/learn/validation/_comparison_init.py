"""Measured cycles against generated ones: samples of both, and the distances between them."""
