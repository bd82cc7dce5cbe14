"""The engine: data frames, features and pipelines, where the data is."""
