"""Measurements: `python -m benchmarks`; README.md here says what they mean."""
