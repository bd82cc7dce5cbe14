"""The conventions of scikit-learn: parameters by name, clones, a transformer."""
