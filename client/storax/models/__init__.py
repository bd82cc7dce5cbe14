"""The models, one file a noun. Written by `python -m storax_core.codegen`; do not edit."""
