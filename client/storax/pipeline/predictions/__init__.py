"""Predictions and features for rows of data frames, and for rows of this process."""
