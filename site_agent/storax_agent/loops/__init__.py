"""The agent's loops: one verb a file. Each runs in a thread of its own and survives its errors.

They talk with the server and the disk. ``mainloop/`` is the one thread that holds the leased jobs.
"""
