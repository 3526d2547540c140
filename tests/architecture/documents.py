"""Reading the documents: what is set as code, what is linked, and the anchors of headings."""

from __future__ import annotations

import re


def anchors_of(document: str) -> set[str]:
    """Return the anchors a reader's browser finds: headings in small letters, words joined by hyphens."""
    headings = re.findall(r"^#+ +(.+?)\s*$", without_blocks(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def without_blocks(document: str) -> str:
    """Return a document without its blocks of code, fenced ones and indented ones."""
    plain = re.sub(r"^```.*?^```", "", document, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^ {4}.*$", "", plain, flags=re.MULTILINE)
