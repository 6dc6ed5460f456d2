"""The device model: every formula once, as plain functions of numbers of any kind.

Nothing in here knows about arrays, memory or engines. Engines bring the numbers: float64 arrays (the reference), SIMD
lanes (the CPU engine), GPU scalars, or symbols that print circuit code.
"""
