"""Arrays whose cells do not all lie in the memory of this process: in blocks, each an ordinary `CellArray`."""
