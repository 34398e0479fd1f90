"""The command line: one group of verbs. Data on stdout, progress on stderr; exit 0, 1 (data or model) or 2 (usage)."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from nlp_engage import (
    cli_annotate,
    cli_archive,
    cli_audit,
    cli_campaign,
    cli_explain,
    cli_measure,
    cli_query,
    cli_train,
)
from nlp_engage.errors import INTERRUPTED, STOPPED, NlpEngageError


class Program(click.Group):
    """Turns the package's own errors into one line and exit code 1, and Ctrl-C into exit code 130."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; errors of data and model go to stderr without a traceback."""
        try:
            return super().invoke(ctx)
        except NlpEngageError as error:
            click.echo(f"nlp-engage: {error}", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo(STOPPED, err=True)
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:  # the reader of a pipe has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            click.echo(f"nlp-engage: {place}{error.strerror or error}", err=True)
            ctx.exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Verbs in the order of work, not of the alphabet."""
        return list(self.commands)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="nlp-engage", prog_name="nlp-engage")
def main() -> None:
    """Measure engagement in comment archives (English and Chinese).

    \b
    Example:
      nlp-engage demo
      nlp-engage label archive/*.json -o run
      nlp-engage report run -o report.html
    """


for _verb in (
    *cli_measure.DEMO,
    *cli_archive.VERBS,
    *cli_measure.VERBS,
    *cli_explain.VERBS,
    *cli_query.VERBS,
    *cli_campaign.VERBS,
    *cli_audit.VERBS,
    *cli_annotate.VERBS,
    *cli_train.VERBS,
):
    main.add_command(_verb)

if __name__ == "__main__":
    main()
