"""Sphinx's settings."""

project = "liuli"
copyright = "the authors of liuli"
extensions = ["myst_parser"]
myst_enable_extensions = ["attrs_block"]
myst_heading_anchors = 5
html_theme = "furo"
html_title = "liuli 琉璃"
html_show_sphinx = False
html_copy_source = False
pygments_style = "friendly"
html_static_path = ["static"]
html_css_files = ["liuli.css"]
