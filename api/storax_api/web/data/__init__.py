"""The catalogue of projects, data frames and pipelines."""
