"""Sphinx configuration. Everything is built offline."""

import re
from pydoc import locate

from docutils import nodes
from sphinx_gallery.sorting import ExplicitOrder

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
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# A copied example has no prompts.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

autodoc_typehints = "none"
autosummary_generate = True
# A reference that leads nowhere fails the build.
nitpicky = True
# The templates list the methods; numpydoc would list them a second time.
numpydoc_show_class_members = False
default_role = "code"

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    # The build runs plot_*.py; the others take longer, and are shown as they are.
    "filename_pattern": r"/plot_",
    "within_subsection_order": ExplicitOrder(
        [
            "quickstart.py",
            "retail.py",
            "plot_grid_search.py",
            "plot_compare_models.py",
            "plot_intervals.py",
            "plot_gaps_and_time_zones.py",
            "plot_wide_tables.py",
            "plot_remaining_useful_life.py",
            "plot_optuna.py",
            "plot_several_datasets.py",
            "plot_production.py",
            "plot_parquet_parts.py",
            "*",
        ]
    ),
    "doc_module": "sklstm",
    "backreferences_dir": "gallery/backreferences",
    "remove_config_comments": True,
    "show_signature": False,
    "write_computation_times": False,
}

html_theme = "furo"
html_title = "sklstm"
html_static_path = ["_static"]
html_css_files = ["gallery.css"]
html_copy_source = False
html_show_sphinx = False
pygments_style = "friendly"


def skip_routing_methods(app, what, name, obj, skip, options):
    """Leave out the methods that scikit-learn generates, and documents itself."""
    return True if re.fullmatch(r"set_\w+_request", name) else skip


def quote_sizes(app, what, name, obj, options, lines):
    """Quote fitted sizes within shapes: a bare `n_features_in_` is a link in reST."""
    lines[:] = [re.sub(r"(?<![`\w])(n_\w+_)(?=[,)])", r"`\1`", line) for line in lines]


def link_scikit_learn(app, env, node, contnode):
    """Link a name of scikit-learn to its page, without a download of its inventory."""
    name = node.get("reftarget", "")
    if not name.startswith("sklearn.") or locate(name) is None:
        return None
    page = f"https://scikit-learn.org/stable/modules/generated/{name}.html"
    return nodes.reference("", "", contnode, refuri=page, internal=False)


def setup(app):
    app.connect("missing-reference", link_scikit_learn)
    app.connect("autodoc-skip-member", skip_routing_methods)
    # Before numpydoc, which listens at 500, turns types into markup.
    app.connect("autodoc-process-docstring", quote_sizes, priority=400)
