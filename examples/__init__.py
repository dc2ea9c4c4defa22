"""Whole flows to read and run."""
