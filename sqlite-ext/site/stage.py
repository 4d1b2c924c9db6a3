"""Brings the pages of the site together, and checks the site that was made of them.

    python3 stage.py pages DIRECTORY    copies book.toml and all pages into it
    python3 stage.py check SITE         each link of the site to itself leads somewhere

A page stays where it is in the repository, and has the same path in the site: so its links work in
both. SUMMARY.md lists the pages. A file that a page links to is copied too.
"""

import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILT = {"target", "dist", "node_modules"}


def links(path):
    """The targets of a page's links, without those to the web and those in blocks of code."""
    prose = "".join(path.read_text(encoding="utf-8").split("```")[::2])
    found = re.findall(r"\]\(([^)]+)\)", prose)
    return [link.partition("#")[0] for link in found if "://" not in link and not link.startswith("#")]


def name(path):
    return path.relative_to(ROOT).as_posix()


def all_pages(directory=ROOT):
    for path in sorted(directory.iterdir()):
        if path.is_dir() and not path.is_symlink() and path.name not in BUILT and not path.name.startswith("."):
            yield from all_pages(path)
        elif path.suffix == ".md":
            yield path


def stage(directory):
    summary = HERE / "SUMMARY.md"
    pages = [(HERE / link).resolve() for link in links(summary)]
    wrong = [f"SUMMARY.md has no file {name(page)}" for page in pages if not page.is_file()]
    wrong += [f"SUMMARY.md lists {name(page)} twice" for page in {*pages} if pages.count(page) > 1]
    wrong += [f"{name(page)} is not in SUMMARY.md" for page in all_pages() if page not in [*pages, summary]]
    files = {*pages}
    for page in filter(Path.is_file, pages):
        for link in links(page):
            target = (page.parent / link).resolve()
            if ROOT not in target.parents or not target.is_file():
                wrong.append(f"{name(page)} links to {link}, which is no file of the repository: name a file")
            elif target.suffix == ".md" and target not in pages:
                wrong.append(f"{name(page)} links to {link}, which is not in SUMMARY.md")
            files.add(target)
    if wrong:
        sys.exit("\n".join(wrong))

    shutil.rmtree(directory, ignore_errors=True)
    for file in files:
        target = directory / "src" / name(file)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    text = summary.read_text(encoding="utf-8")
    text = re.sub(r"\]\(([^)]+)\)", lambda link: f"]({name((HERE / link[1]).resolve())})", text)
    (directory / "src" / "SUMMARY.md").write_text(text, encoding="utf-8")
    for file in ("book.toml", "style.css"):
        shutil.copyfile(HERE / file, directory / file)
    print(f"{len(pages)} pages, and {len(files) - len(pages)} files that they link to")


class Page(HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.add(attributes.get("id"))
        self.links += filter(None, [attributes.get("href"), attributes.get("src")])


def check(site):
    pages = {path.resolve(): Page(path) for path in site.rglob("*.html")}
    wrong = set()
    count = 0
    for path, page in pages.items():
        for link in page.links:
            if re.match(r"[a-z]+:|//", link) or path.name in ("404.html", "toc.html"):
                continue
            count += 1
            file, _, anchor = link.partition("#")
            target = (path.parent / unquote(file)).resolve() if file else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file() or (anchor and unquote(anchor) not in pages[target].ids):
                wrong.add(f"{path.relative_to(site.resolve())}: {link}")
    if wrong or not count:
        sys.exit("links of the site that lead nowhere:\n" + "\n".join(sorted(wrong)))
    print(f"{count} links lead somewhere")


if __name__ == "__main__":
    {"pages": stage, "check": check}[sys.argv[1]](Path(sys.argv[2]))
