"""Tables as arrays: columns, keys, indexes, matrices."""
