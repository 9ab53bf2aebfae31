"""The benchmarks work: what they measure is not looked at here."""
