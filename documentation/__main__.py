"""``python -m documentation`` builds the site in build/site: the pages in docs/, and the reference.

A public name without documentation ends the build, and so does a link that leads nowhere.
"""

from __future__ import annotations

import importlib
import inspect
import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

from documentation import gallery
from documentation.pages import index_page, module_page, section_page
from documentation.surface import MODULES, gaps, sections

ROOT = Path(__file__).parents[1]
SOURCE, SITE = ROOT / "build" / "documentation", ROOT / "build" / "site"
_LARGE = {"liuli.layers"}
_TABLES = {"liuli.activations": gallery.activation_table}


def main() -> None:
    """Write the sources, then build the site from them."""
    if missing := gaps():
        sys.exit("The documentation has gaps:\n" + "\n".join(missing))
    write_sources(SOURCE)
    options = ["-q", "-W", "--keep-going", "-b", "html", "-c", str(Path(__file__).parent)]
    if failed := build_main([*options, str(SOURCE), str(SITE)]):
        sys.exit(failed)
    print(f"Written: {SITE / 'index.html'}")


def write_sources(folder: Path) -> None:
    """Pages that are written by hand, and those of the reference with their pictures."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder)
    for name, text in reference_pages(folder / "reference" / "pictures").items():
        (folder / "reference" / f"{name}.md").write_text(text, "utf-8")


def reference_pages(pictures: Path) -> dict[str, str]:
    """The text of every page of the reference by its name; its pictures are written into a folder."""
    pictures.mkdir(parents=True)
    pages: dict[str, str] = {}
    for module in MODULES:
        files = {}
        for name, content in gallery.pictures(module).items():
            files[name] = f"pictures/{module}.{name}.svg"
            (pictures / f"{module}.{name}.svg").write_bytes(content)
        title, intro = module.rpartition(".")[2].capitalize(), _intro(module)
        if module in _LARGE:
            pages[module] = index_page(module, title, intro)
            pages |= {f"{module}.{part.name}": section_page(part, files) for part in sections(module)}
        else:
            pages[module] = module_page(module, title, intro, files)
    return pages


def _intro(module: str) -> str:
    text = inspect.cleandoc(importlib.import_module(module).__doc__ or "")
    return "\n\n".join([text, _TABLES[module]()] if module in _TABLES else [text])


if __name__ == "__main__":
    main()
