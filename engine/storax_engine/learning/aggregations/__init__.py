"""The aggregations, one file for each kernel: it declares what the kernel computes, and the SQL of each.

A new one is an entry of ``AGGREGATIONS`` in the file whose kernel fits, and its column of that kernel's output.
"""
