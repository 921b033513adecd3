"""The atlas: the whole landscape of a small network, and slices through that of a large one."""
