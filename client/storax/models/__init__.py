"""The models, one file a noun. Written by `python -m tools.codegen`; do not edit."""
