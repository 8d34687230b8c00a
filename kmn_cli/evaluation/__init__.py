"""Scores of the official benchmarks, and reports of them."""
