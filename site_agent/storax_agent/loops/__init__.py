"""The agent's loops: one verb a file. Each runs in a thread of its own and survives its errors."""
