"""What the site adds to the pages of ``docs``: pages from elsewhere in the repository, links to files outside ``docs``, the nav.

README, CONTRIBUTING and CHANGELOG become pages, and so does every file that a page links to. API pages list the components of a
package of ``hw`` (:data:`PACKAGES`). Links are rewritten to what they lead to on the site; a link that leads nowhere stays as it
is, and ends a strict build.
"""

import fnmatch
import re
import sys
from pathlib import Path
from posixpath import dirname, join, normpath, relpath

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))

from docstrings import listed  # noqa: E402

# Pages from the top of the repository.
TOP = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md", "SECURITY.md": "security.md"}
# Packages of hw with components that designs of one's own can use.
PACKAGES = ("binary", "front", "mac", "tiny", "qrs", "beats", "images", "stream", "link", "axilite")
LANGUAGES = {".py": "python", ".v": "verilog", ".cpp": "cpp", ".h": "cpp", ".json": "json"}
LINK = re.compile(r"(?<!`)(!?\[(?:[^\]\[]|\[[^\]]*\])*\])\(([^)\s#]+)((?:#[^)\s]*)?)\)")
FENCED = re.compile(r"(^```.*?^```)", re.DOTALL | re.MULTILINE)
ORIGINS: dict[str, str] = {}  # page of the site: the repository's file that it comes from


def on_files(files: Files, config) -> Files:
    """Add the pages that do not lie in ``docs``, and write the nav out."""
    ORIGINS.clear()
    ORIGINS.update({file.src_uri: f"docs/{file.src_uri}" for file in files.documentation_pages()})
    texts = {file.src_uri: file.content_string for file in files.documentation_pages()}

    def add(uri: str, text: str, origin: str = "") -> None:
        files.append(File.generated(config, uri, content=text))
        texts[uri] = text
        if origin:
            ORIGINS[uri] = origin

    for origin, uri in TOP.items():
        if (ROOT / origin).exists():
            add(uri, (ROOT / origin).read_text(), origin)
    add("adr/index.md", decisions(texts), "docs/adr/index.md")
    for package in PACKAGES:
        add(f"api/{package}.md", components(package))
    for uri, text in list(texts.items()):
        for _, target, _ in LINK.findall(FENCED.sub("", text)) if uri in ORIGINS else ():
            path = normpath(join(dirname(ORIGINS[uri]), target))
            if place(path) == f"source/{path}.md" and place(path) not in texts:
                add(place(path), source(path))
    config.nav = written_out(config.nav, sorted(uri for uri in texts if not uri.startswith("source/")))
    return files


def on_page_markdown(markdown: str, page, **_) -> str:
    """Rewrite links to what they lead to on the site."""
    origin = ORIGINS.get(page.file.src_uri)
    if origin is None:
        return markdown

    def lead(match: re.Match) -> str:
        text, target, anchor = match.groups()
        path = normpath(join(dirname(origin), target))
        if re.match(r"[a-z]+:", target) or not (ROOT / path).exists():
            return match[0]
        to = place(path)
        return f"{text}({relpath(to, dirname(page.file.src_uri) or '.')}{anchor})" if to else text[1:-1]

    parts = FENCED.split(markdown.replace("<details>", '<details markdown="1">'))
    return "".join(part if part.startswith("```") else listed(LINK.sub(lead, part)) for part in parts)


def place(path: str) -> str:
    """Where the site has a file or folder of the repository: "" where it has none."""
    if path in TOP:
        return TOP[path]
    if path == "docs/adr":
        return "adr/index.md"
    if path.startswith("docs/") and not path.startswith(("docs/generate/", "docs/site/")) and not path.endswith(".json"):
        return path.removeprefix("docs/")
    return f"source/{path}.md" if (ROOT / path).is_file() else ""


def source(path: str) -> str:
    """The page of a file of the repository."""
    kind = LANGUAGES.get(Path(path).suffix, "text")
    text = (ROOT / path).read_text()
    return f"---\nsearch:\n  exclude: true\n---\n# `{path}`\n\n````{kind}\n{text}\n````\n"


def components(package: str) -> str:
    """The API page of a package: its own docstring, then its modules, the top first."""
    modules = [path.stem for path in (ROOT / "hw" / package).glob("*.py") if not path.stem.startswith("__")]
    modules.sort(key=lambda name: (name != "top", name))
    parts = [
        f"# hw.{package}",
        f"::: hw.{package}\n    options: {{members: false, show_root_heading: false, show_root_toc_entry: false}}",
    ]
    return "\n\n".join([*parts, *(f"::: hw.{package}.{module}" for module in modules)])


def decisions(texts: dict[str, str]) -> str:
    """The list of decisions."""
    lines = ["# Decisions", "", "Choices that had alternatives: why the project does what it does, and what was rejected.", ""]
    for uri in sorted(uri for uri in texts if uri.startswith("adr/0")):
        lines.append(f"- [{re.search('^# (.*)$', texts[uri], re.MULTILINE)[1]}]({Path(uri).name})")
    return "\n".join(lines)


def written_out(nav: list, pages: list[str]) -> list:
    """The nav with its patterns replaced by the pages that match, and what it does not name under "More"."""
    named = set()

    def entries(item) -> list:
        if isinstance(item, dict):
            ((title, inside),) = item.items()
            return [{title: [entry for one in (inside if isinstance(inside, list) else [inside]) for entry in entries(one)]}]
        found = fnmatch.filter(pages, item) if "*" in item else [item]
        named.update(found)
        return found

    nav = [entry for item in nav for entry in entries(item)]
    more = [page for page in pages if page not in named]
    return [*nav, *([{"More": more}] if more else [])]
