"""Sphinx's settings for the web book; tools/book.py puts this file beside the pages it has written."""

from contents import ADDRESS, PLACEHOLDER

project = "rlcourse"
html_title = "Deep reinforcement learning that moves"
language = "en"
extensions = ["myst_nb"]
exclude_patterns = ["beside", "static", "doctrees"]

nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_dmath_double_inline = True

html_theme = "sphinx_book_theme"
html_static_path = ["static"]
html_extra_path = ["beside"]
html_css_files = ["explorers.css", "book.css"]
html_js_files = ["explorers.js", "quiz.js", "book.js"]
html_copy_source = True  # the lessons' notebooks, to download
html_favicon = "static/favicon.png"
html_use_index = False
html_show_sphinx = False
html_show_copyright = False
author = ""
html_context = {"default_mode": "auto"}
html_theme_options = {
    "navbar_persistent": [],  # the search field stands in the side bar, and its button above the page
    "show_toc_level": 1,
    "back_to_top_button": False,  # it lies over the text
    "navigation_with_keys": False,  # arrow keys belong to the sliders
    "footer_content_items": [],
    "use_download_button": True,
    "use_fullscreen_button": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

# Where a page can be run, edited and discussed, once the course has an address. A page without a file of its own leads
# to the folder that it is made from.
if ADDRESS["repository"] != PLACEHOLDER:
    html_theme_options |= {
        "repository_url": f"https://github.com/{ADDRESS['repository']}",
        "repository_branch": ADDRESS["branch"],
        "path_to_docs": "notebooks",
        "use_edit_page_button": True,
        "use_issues_button": True,
        "launch_buttons": {
            "colab_url": "https://colab.research.google.com",
            "binderhub_url": "https://mybinder.org",
            "notebook_interface": "jupyterlab",
        },
    }
    html_context |= {
        "edit_page_provider_name": "GitHub",
        "edit_page_url_template": "{{ github_url }}/{{ github_user }}/{{ github_repo }}/"
        "{{ made_from.get(file_name) or 'edit/' + github_version + '/notebooks/' + file_name }}",
        "made_from": {
            f"{page}.md": f"{'edit' if '.' in path else 'tree'}/{ADDRESS['branch']}/{path}"
            for page, path in {
                "index": "web/book/index.md",
                "sources": "web/book/sources.md",
                "errata": "web/book/errata.toml",
                "glossary": "rlcourse/course/glossary.md",
                "for_instructors": "rlcourse/course/teaching.md",
                "equations": "rlcourse/lessons",
                "claims": "rlcourse/lessons",
                "api": "rlcourse",
            }.items()
        },
    }

# Mathematics: one local file. Tables from outputs hold bare $...$, so every element is looked at; the menu would put
# each of some hundred formulas into the tab order.
mathjax_path = "mathjax.js"
myst_update_mathjax = False
mathjax3_config = {
    "tex": {"inlineMath": [["$", "$"], ["\\(", "\\)"]], "displayMath": [["$$", "$$"], ["\\[", "\\]"]]},
    "options": {"enableMenu": False, "ignoreHtmlClass": "tex2jax_ignore|mathjax_ignore"},
}
