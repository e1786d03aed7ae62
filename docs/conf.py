"""Sphinx configuration. Everything is built offline."""

import sklstm

project = "sklstm"
author = "sklstm developers"
copyright = "sklstm developers, BSD 3-Clause License"
version = release = sklstm.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "none"
autosummary_generate = True
# The templates list the methods; numpydoc would list them a second time.
numpydoc_show_class_members = False
default_role = "code"

html_theme = "furo"
html_title = "sklstm"
html_static_path = ["_static"]
html_copy_source = False
html_show_sphinx = False
pygments_style = "friendly"
