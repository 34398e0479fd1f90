"""Build the sample archives and the labelled seed from the scripts (``make samples``).

``python tools/build_samples.py`` writes ``data/sample/archives`` and ``data/labels/seed.jsonl``;
``python tools/build_samples.py --check FILE...`` only validates scripts and counts what is in them.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from samples import mediacrawler, reddit, seed, wordpress, youtube
from samples.script import ScriptError, parse
from samples.threads import build_threads

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from samples.script import Post
    from samples.threads import Thread

ROOT: Final = Path(__file__).resolve().parent.parent
SCRIPTS: Final = ROOT / "data" / "sample" / "scripts"
ARCHIVES: Final = ROOT / "data" / "sample" / "archives"
SEED: Final = ROOT / "data" / "labels" / "seed.jsonl"
EXPORTS: Final = {
    "reddit": ("reddit/", reddit.export),
    "youtube": ("youtube/", youtube.export),
    "wordpress": ("wordpress/", wordpress.export),
    "weibo": ("mediacrawler/", mediacrawler.export_weibo),
    "xhs": ("mediacrawler/", mediacrawler.export_xhs),
}


def load(scripts: Iterable[Path]) -> list[Thread]:
    """Parse scripts and file their threads, platform by platform.

    Raises:
        ScriptError: A script breaks the format; the problems of all of them are listed.
    """
    posts: dict[str, list[Post]] = defaultdict(list)
    problems = []
    for path in sorted(scripts):
        try:
            for post in parse(path):
                posts[post.platform].append(post)
        except ScriptError as error:
            problems.append(str(error))
    if problems:
        raise ScriptError("\n".join(problems))
    return [thread for platform in EXPORTS for thread in build_threads(posts[platform])]


def archives(threads: Sequence[Thread]) -> dict[str, bytes]:
    """All export files: path below ``data/sample/archives`` -> content."""
    files: dict[str, bytes] = {}
    for platform, (folder, export) in EXPORTS.items():
        own = [thread for thread in threads if thread.post.platform == platform]
        if own:
            files |= {folder + name: content for name, content in export(own).items()}
    return files


def write(threads: Sequence[Thread]) -> None:
    """Write archives and seed; remove archive files that no script makes any more."""
    files = {ARCHIVES / name: content for name, content in archives(threads).items()}
    files[SEED] = seed.seed_lines(threads)
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for path in sorted(ARCHIVES.rglob("*"), reverse=True):
        if path.is_file() and path not in files:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def summary(threads: Sequence[Thread]) -> str:
    """A table of what the scripts hold: threads, comments, labels and acts per platform and language."""
    groups: dict[tuple[str, str], list[Thread]] = defaultdict(list)
    for thread in threads:
        groups[thread.post.platform, thread.post.lang].append(thread)
    lines = [f"{'script':<14}{'threads':>8}{'comments':>9}{'M':>5}{'D':>5}{'S':>5}{'none':>5}  acts"]
    for (platform, lang), own in groups.items():
        turns = [sent.turn for thread in own for sent in thread.sent if sent.turn.counted]
        labels = Counter(turn.label for turn in turns)
        acts = Counter(turn.act for turn in turns if turn.act)
        lines.append(
            f"{platform + '_' + lang:<14}{len(own):>8}{len(turns):>9}"
            + "".join(f"{labels[code]:>5}" for code in ("M", "D", "S", None))
            + "  "
            + " ".join(f"{act}={n}" for act, n in sorted(acts.items()))
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if all is well, 1 if a script is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scripts", nargs="*", type=Path, help="scripts to check (all of data/sample/scripts if none)")
    parser.add_argument("--check", action="store_true", help="validate only, write nothing")
    options = parser.parse_args(arguments)
    if options.scripts and not options.check:
        parser.error("the archives are built from all scripts together; give single scripts with --check only")
    try:
        threads = load(options.scripts or SCRIPTS.glob("*.txt"))
        files = archives(threads)
    except ScriptError as error:
        print(f"{error}\n(the format is described in data/sample/README.md)", file=sys.stderr)
        return 1
    if not options.check:
        write(threads)
    print(summary(threads))
    size = sum(map(len, files.values()))
    print(f"{'checked' if options.check else 'wrote'} {len(files)} files, {size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
