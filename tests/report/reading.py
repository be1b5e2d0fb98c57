"""Reading a page as a browser's parser would, strictly."""

from collections import Counter
from html.parser import HTMLParser

VOID = {"br", "hr", "img", "link", "meta", "wbr"}


class Page(HTMLParser):
    """The elements of a page in order, its text, and whether every tag is closed in its turn."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.faults, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        self.faults += [f"{tag} never closed" for tag in self.open]

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        self.faults += [f"{tag} has {n} twice" for n, times in Counter(names).items() if times > 1]
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> out of turn")

    def handle_data(self, data):
        self.texts.append((tuple(self.open), data))

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def ids(self):
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]

    def text(self, without=()):
        """What is read, in sight or by those who hear the page."""
        seen = [data for path, data in self.texts if not set(path) & {"style", *without}]
        heard = [v for _, a in self.elements for k, v in a.items() if k in ("alt", "aria-label")]
        return " ".join([*seen, *heard])

    def cells(self):
        """The texts of the cells of all tables, in order."""
        return [data for path, data in self.texts if "td" in path or "th" in path]
