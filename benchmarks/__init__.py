"""Benchmarks: ``make bench`` prints the performance table. Figures are ratios taken in one run, rounds interleaved."""
