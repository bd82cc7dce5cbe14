"""Predictors: one file per library. All learn from a float32 matrix in which a missing value is NaN."""
