"""Readers of pictures, annotations and data sets."""
