"""The little SVG that the reports need: words at a place, and a white page around them."""

from collections.abc import Sequence
from html import escape


def picture(width: int, height: int, parts: Sequence[str]) -> str:
    """The page that holds `parts`; sizes are in pixels."""
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="13">\n<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def words(x: int, y: int, said: str, *, size: int = 13, fill: str = "#1f2328") -> str:
    """One line of text that begins at a place."""
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{fill}">{escape(said)}</text>'
