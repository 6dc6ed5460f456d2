"""The CPU engine: single-precision cells in SIMD lanes, shared by many threads.

`engine` is what arrays use; `kernels` and `products` hold the compiled loops, `cell_steps` what they do to one lane
group, `history_buffers`, `history_refill` and `state_space` the histories of cells, `layout` and `lanes` how memory is
read, and `packing` and `transfer` the way of data to and from NumPy arrays. `packed` is the same engine with cells in
16-bit numbers.
"""

from .engine import CPUEngine
from .kernels import source_digest
from .lanes import DOUBLE, INLINE, OPTIONS, PART, W, data, doubles, load, scalar, store, transposed, uint32s
from .packed import PackedEngine

__all__ = [
    "DOUBLE",
    "INLINE",
    "OPTIONS",
    "PART",
    "CPUEngine",
    "PackedEngine",
    "W",
    "data",
    "doubles",
    "load",
    "scalar",
    "source_digest",
    "store",
    "transposed",
    "uint32s",
]
