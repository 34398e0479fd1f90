"""Builds the sample archives: scripts written by hand in, export files in each platform's own shape out."""
