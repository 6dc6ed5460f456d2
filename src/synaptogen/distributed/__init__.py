"""Arrays larger than one machine: blocks of cells on the workers of a Dask cluster.

    from distributed import Client  # or a cluster of dask-jobqueue, dask-kubernetes ...
    client = Client(n_workers=2, threads_per_worker=1)
    cells = sg.distributed.DistributedArray((1 << 15, 1 << 15), rng=1, storage="compact", checkpoint="cells.zarr")
    cells.apply_voltages([-3.0, 2.0])
    cells.checkpoint()

How it works, and why so. A block lives in the memory of one worker and changes there, in place. Every request names the
step (how many voltages, in calls, the cells have seen) that its block must have reached, and carries the voltages that
lead from the step that the worker last reported to it. A worker that holds the block at some step between, takes it
the rest of the way; one that does not hold it, or holds it at a later step, says so, and is sent all that it takes to
make the block anew: seed or checkpoint, and the voltages since. So requests can be repeated, at the same or another
worker, and a voltage can neither be lost nor be applied twice: there is no other way of recovery than this one, and it
is the way in which arrays are made in the first place. Cells are functions of their seed, ids and voltages, so what is
made anew is the same to the last bit.

Dask's own ways were considered. Actors hold state in place, too, but are lost with their worker. Chains of futures
(state, voltages -> state) are recomputed by the scheduler, but only if tasks are pure: that would double the memory,
or, changing cells in place, apply voltages twice when a worker was thought dead and a task run again.
"""

from synaptogen._utils import missing

try:
    from .distributed_array import DistributedArray
except ModuleNotFoundError as error:
    raise missing(error, "distributed") from error

__all__ = ["DistributedArray"]
