"""Print the tables of budgets.py with what is counted now, to be copied from where it went down.

python -m tests.budget
"""

from __future__ import annotations

from .budgets import EXCHANGES, IMPORTS
from .imports import list_imports
from .processes import count_all

if __name__ == "__main__":
    counts = count_all()
    for exchange in EXCHANGES:
        budget, _ = counts[str(exchange)]
        name = f'Exchange("{exchange.protocol}", "{exchange.action}", "{exchange.colour}")'
        print(f"    {name}: Budget(calls={budget.calls}, blocks={budget.blocks}, peak_size={budget.peak_size:_}),")
    for step in IMPORTS:
        print(f'    "{step}": {len(list_imports(step))},')
