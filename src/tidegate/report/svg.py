"""How charts become SVG to be put inside an HTML page.

Text stays text and colours become CSS variables of the page, so that a chart follows the page's
fonts and its light or dark scheme. Equal input gives equal bytes.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from tidegate.cells import CELLS

# Matplotlib wants numbers for colours: each variable of the page has a stand-in, replaced at last.
_CELL_VARIABLES = [f"cell-{key}" for key in (*CELLS, "other")]
_VARIABLES = ["text", "muted", "rule", "surface", "linear", *_CELL_VARIABLES]
STAND_INS = {variable: f"#0a0b{index:02x}" for index, variable in enumerate(_VARIABLES)}
POINTS_PER_INCH = 72
FONT_SIZE = 12
"""In points, each a pixel of the page or more: no chart is drawn wider than a phone shows it."""
WIDTH = 330
"""The width of a chart that stands alone, in points."""


@contextmanager
def style() -> Iterator[None]:
    """The look of all charts, whatever the user's own settings of Matplotlib are."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "svg.fonttype": "none",
                "svg.hashsalt": "tidegate",
                "font.sans-serif": ["DejaVu Sans"],
                "font.size": FONT_SIZE,
                "axes.titlesize": FONT_SIZE,
                "axes.labelcolor": STAND_INS["muted"],
                "axes.edgecolor": STAND_INS["rule"],
                "axes.facecolor": "none",
                "axes.spines.left": False,
                "axes.spines.right": False,
                "axes.spines.top": False,
                "axes.axisbelow": True,
                "figure.facecolor": "none",
                "grid.color": STAND_INS["rule"],
                "grid.linewidth": 0.8,
                "xtick.color": STAND_INS["rule"],
                "xtick.labelcolor": STAND_INS["muted"],
                "ytick.labelcolor": STAND_INS["muted"],
                "ytick.major.size": 0,
                "lines.dashed_pattern": (3, 2),
            }
        )
        yield


def svg(figure: Figure, *, name: str, title: str, description: str) -> Markup:
    """Draw a figure as an ``<svg>`` element for an HTML page.

    Args:
        figure: Drawn with stand-in colours.
        name: Put before every id, so that several charts fit in one page.
        title: Read out to those who cannot see the chart.
        description: Likewise, at more length.
    """
    file = StringIO()
    figure.savefig(
        file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
    )
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"""\bid="|(?<=href=")#|(?<=url\()#""", rf"\g<0>{name}-", text)
    text = text.replace("xlink:href", "href")
    for variable, stand_in in STAND_INS.items():
        text = text.replace(stand_in, f"var(--{variable})")
    viewbox = re.search(r'viewBox="[^"]*"', text)
    if viewbox is None:
        raise RuntimeError("report: expected an SVG with a viewBox from Matplotlib, got none")
    labels = f"<title id='{name}-title'>{escape(title)}</title>"
    labels += f"<desc id='{name}-desc'>{escape(description)}</desc>"
    opening = f"<svg role='img' aria-labelledby='{name}-title {name}-desc' {viewbox.group()}>"
    return Markup(opening + labels + text[text.index(">") + 1 :])
