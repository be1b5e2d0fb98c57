"""``python -m benchmarks`` runs every benchmark, ``python -m benchmarks tables`` the one of that name."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path


def main() -> None:
    known = sorted(m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)]) if not m.name.startswith("_"))
    asked = sys.argv[1:] or known
    if unknown := [name for name in asked if name not in known]:
        sys.exit(f"No benchmark is called {unknown[0]!r}; there are: {', '.join(known)}.")
    for name in asked:
        print(f"== {name}", flush=True)
        module = importlib.import_module(f"benchmarks.{name}")
        if not hasattr(module, "main"):
            sys.exit(f"benchmarks/{name}.py has no main().")
        module.main()


if __name__ == "__main__":
    main()
