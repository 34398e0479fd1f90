"""Where the command ``nlp-engage`` begins: light, so that Ctrl-C ends it in one line during imports, too."""

from __future__ import annotations

import sys

from nlp_engage.errors import INTERRUPTED, STOPPED


def main() -> None:
    """Import the command line and run it."""
    try:
        from nlp_engage import cli

        cli.main()
    except KeyboardInterrupt:  # before a verb was at work: there, the command line itself answers
        sys.stderr.write(STOPPED + "\n")
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
