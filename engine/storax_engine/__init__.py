"""The engine: data frames and pipelines that Python scripts hold handles to, and what turns tables into features."""
