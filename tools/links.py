"""The site's links into its own repository: `python -m tools.links _build/html`."""

import argparse
import re
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml


def broken_launch_links(root: Path, site: Path) -> list[str]:
    """
    Find links to Colab, Binder and the source on GitHub that lead nowhere.

    No link checker sees these offline, and a path given twice or not at all in
    `_config.yml` breaks every one of them.

    Parameters
    ----------
    root
        The folder of `_config.yml`, which is the repository's.
    site
        The built HTML.

    Returns
    -------
    list of str
        One line a fault: the page, and the link whose branch is not the configured
        one or whose path is no file of the repository. A site without any such link
        is a fault too.
    """
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    branch = config["repository"]["branch"]
    pattern = _pattern(urlsplit(config["repository"]["url"]).path.strip("/"))
    links = [
        (page.relative_to(site), link)
        for page in sorted(site.rglob("*.html"))
        for href in re.findall(r'href="([^"]+)"', page.read_text(encoding="utf-8"))
        if (link := pattern.match(unquote(href)))
    ]
    if not links:
        return [f"{site}: no page has a launch link"]
    return [
        f"{page}: {link[0]}"
        for page, link in links
        if link["branch"] != branch or not (root / link["path"]).is_file()
    ]


def _pattern(repository: str) -> re.Pattern[str]:
    name = re.escape(repository)
    return re.compile(
        rf"(https://colab\.research\.google\.com/github/{name}/blob"
        rf"|https://mybinder\.org/v2/gh/{name}"
        rf"|https://github\.com/{name}/(blob|edit))"
        r"/(?P<branch>[^/?#]+)(/|\?urlpath=(lab/)?tree/|\?labpath=)(?P<path>[^?#]+)"
    )


def main() -> None:
    """Exit with the broken launch links of the built site."""
    parser = argparse.ArgumentParser(description="Name the broken launch links.")
    parser.add_argument("html", type=Path)
    broken = broken_launch_links(Path.cwd(), parser.parse_args().html)
    if broken:
        sys.exit("\n".join(broken))


if __name__ == "__main__":
    main()
