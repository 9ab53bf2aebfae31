"""Tests as users of respx write them, without a word about this package. `test_respx.py` runs them."""
