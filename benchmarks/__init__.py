"""Measure this package beside other clients; `scripts/bench` runs it, and README.md tells what is measured and how."""
