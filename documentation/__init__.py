"""The documentation site: pages made from docstrings, pictures made by the library itself."""
