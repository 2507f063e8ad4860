"""The documentation site: `make docs` writes it to out/site.

Sphinx with furo, because its parts are well kept and it reads docstrings with their types; pages are Markdown (MyST)
that also reads well where the code is hosted. An opened page fetches nothing from elsewhere.
"""

project = "arc-affinity"
author = "the arc-affinity authors"
html_title = "arc-affinity"
html_theme = "furo"
html_show_sourcelink = False
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["site.css"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autodoc_typehints = "description"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autoclass_content = "class"
add_module_names = False
default_role = "code"

# Shapes in types ("batch row col") are no names that a page could link to.
suppress_warnings = ["ref.class"]
