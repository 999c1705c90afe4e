"""Links of Markdown and of the pages that `cargo doc` renders lead somewhere."""

import html.parser
import os
import re
from urllib.parse import unquote, urldefrag

import reading
from reading import Finding

DEFINITION = re.compile(r"^ {0,3}\[([^\]\n]+)\]: +<?([^\s>]+)>?", re.MULTILINE)
INLINE = re.compile(r"\]\(<?([^\s)>]+)>?(?: +\"[^\"]*\")?\)")
ATTRIBUTE = re.compile(r"<(?:img|a)\b[^>]*?\b(?:src|href)=\"([^\"]+)\"")
# A label that is used: `[text][label]`, `[label][]`, or a name in ticks, which rustdoc alone would find by itself.
USE = re.compile(r"\[((?:[^\[\]\n]|\n(?!\n))+)\]\[([^\[\]]*)\]|\[(`[^`\n]+`)\](?![\[(:])")
PACKAGES = ("tandem", "tandem_autograd", "tandem_nn", "tandem_tying")


def slug(heading):
    """The anchor that GitHub gives to a heading."""
    text = re.sub(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def anchors(text):
    """The anchors of a file in Markdown; headings that stand more than once are counted."""
    seen, found = {}, set()
    for heading in re.findall(r"^ {0,3}#{1,6} +(.*?)(?: +#+)?$", reading.split(text)[0], re.MULTILINE):
        name = slug(heading)
        found.add(f"{name}-{seen[name]}" if seen.get(name) else name)
        seen[name] = seen.get(name, 0) + 1
    return found | set(re.findall(r"\bid=\"([^\"]+)\"", text))


def targets(text):
    """Where the links of a file in Markdown lead, with their lines."""
    alone = reading.without_spans(reading.split(text)[0])
    # A label may be in ticks, so definitions are looked for where these still stand.
    patterns = (DEFINITION, 2, reading.split(text)[0]), (INLINE, 1, alone), (ATTRIBUTE, 1, alone)
    for pattern, group, where in patterns:
        for found in pattern.finditer(where):
            yield reading.line_of(where, found.start(group)), found[group]


def check(texts, headings=None):
    """Findings in texts in Markdown by name; `headings` gives the text of a file that a link's anchor is looked for in."""
    headings = headings or reading.read
    for name, text in texts.items():
        for line, target in targets(text):
            if wrong := fault(name, target, headings):
                yield Finding(name, line, f"{target}: {wrong}")
        yield from undefined(name, reading.split(text)[0])


def fault(name, target, headings):
    """What is wrong with a link in a file, if anything."""
    if re.match(r"[a-z]+:(?!:)", target):
        return None if target.startswith("https://") else "an external link begins with https://"
    path, anchor = urldefrag(target)
    file = os.path.normpath(os.path.join(os.path.dirname(name), unquote(path))) if path else name
    if not os.path.exists(file):
        return f"there is no {file}"
    if anchor and file.endswith(".md") and unquote(anchor) not in anchors(headings(file)):
        return f"{file} has no heading with this anchor"
    return None


def undefined(name, prose):
    """Labels that are used and not defined; `prose` has no fenced blocks."""
    defined = {label.lower() for label, _ in DEFINITION.findall(prose)}
    for found in USE.finditer(reading.without(r"<!--.*?-->", prose, re.DOTALL)):
        label = found[3] or found[2] or found[1]
        if " ".join(label.split()).lower() not in defined:
            yield Finding(name, reading.line_of(prose, found.start()), f"[{label}] is defined nowhere")


def external(texts):
    """All external links, with where they stand."""
    for name, text in texts.items():
        for line, target in targets(text):
            if target.startswith("https://"):
                yield f"{name}:{line}: {target}"


class Page(html.parser.HTMLParser):
    """What a rendered page links to, and what in it can be linked to."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids, self.moved = [], set(), None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "meta" and dict(attributes).get("http-equiv") == "refresh":
            self.moved = dict(attributes)["content"].partition("URL=")[2]
        for key, value in attributes:
            if key in ("href", "src") and value:
                self.links.append((self.getpos()[0], value))
            elif key in ("id", "name") and value:
                self.ids.add(value)


class Site:
    """Rendered pages, each read once."""

    def __init__(self):
        self.pages = {}

    def page(self, path):
        """The page of a file."""
        if path not in self.pages:
            self.pages[path] = Page(reading.read(path))
        return self.pages[path]

    def fault(self, start, target):
        """What is wrong with a link on the page `start`, if anything."""
        if re.match(r"[a-z]+:", target):
            return None
        path, anchor = urldefrag(target)
        path = os.path.normpath(os.path.join(os.path.dirname(start), unquote(path))) if path else start
        if not os.path.isfile(path):
            return "there is no such page"
        if not anchor or not path.endswith(".html"):
            return None
        if moved := self.page(path).moved:
            return self.fault(path, f"{moved}#{anchor}")
        # In a page of source, `10-20` are lines.
        names = {anchor, unquote(anchor), re.sub(r"^(\d+)-\d+$", r"\1", anchor)}
        return "the page has no such place" if self.page(path).ids.isdisjoint(names) else None


def rendered(root):
    """Findings in the pages of the workspace's packages below `root`, where `cargo doc` has put them."""
    site = Site()
    paths = (os.path.join(at, file) for name in PACKAGES for at, _, files in os.walk(os.path.join(root, name)) for file in files)
    starts = sorted(path for path in paths if path.endswith(".html"))
    if not starts:
        yield Finding(root, 0, "no page is there: `cargo doc` comes first")
    for start in starts:
        for line, target in site.page(start).links:
            if wrong := site.fault(start, target):
                yield Finding(start, line, f"{target}: {wrong}")
