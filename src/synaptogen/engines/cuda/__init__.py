"""The CUDA engine: single-precision cells on a GPU of NVIDIA, a thread each. Needs an extra, see `machine`."""
