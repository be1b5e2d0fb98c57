"""Speed, measured beside other libraries: ``python -m benchmarks``. docs/benchmarks.md says how."""
