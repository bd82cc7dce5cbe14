"""Preprocessors: what is done to columns before features are made. One file per kind of column."""
