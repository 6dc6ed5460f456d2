"""Arrays larger than one machine: blocks of cells on the workers of a Dask cluster.

    from distributed import Client  # or a cluster of dask-jobqueue, dask-kubernetes ...
    client = Client(n_workers=2, threads_per_worker=1)
    cells = sg.distributed.DistributedArray((1 << 15, 1 << 15), rng=1, storage="compact", checkpoint="cells.zarr")
    cells.apply_voltages([-3.0, 2.0])
    cells.checkpoint()

How it works. A block is in the memory of one worker and changes there, in place. A step is one call that applies
voltages. Every request names the step that its block must have reached, and carries the voltages that lead to it from
the step that the worker last reported. If the worker holds the block at a step between the two, it applies the voltages
that are missing. If it does not hold the block, or holds it at a later step, it says so, and is sent everything needed
to build the block again: seed or checkpoint, and the voltages since. So requests can be repeated, with the same worker
or another, and a voltage is neither lost nor applied twice. Recovery is the way in which arrays are made in the first
place. Cells are functions of their seed, ids and voltages, so a block that is built again is the same to the last bit.

Why not the means of Dask. Actors hold state in place, too, but are lost with their worker. Chains of futures (state,
voltages -> state) are recomputed by the scheduler, but only if tasks are pure. Pure tasks would double the memory;
tasks that change cells in place would apply voltages twice when a worker was considered dead and a task run again.
"""

from synaptogen._utils import missing

try:
    from .distributed_array import DistributedArray
except ModuleNotFoundError as error:
    raise missing(error, "distributed") from error

__all__ = ["DistributedArray"]
