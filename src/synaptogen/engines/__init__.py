"""Engines: where cells live. They own memory, masks, branches and threads, and never restate a formula of `model`."""
