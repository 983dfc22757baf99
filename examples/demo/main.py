"""The main job of anysched on real work, in under a minute, and proof that the rules were kept.

`python examples/demo/main.py` needs the extra `demo`. The exit code is 0 if every promise was kept.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import anyio
from rich.console import Console
from screen import LiveScreen, PlainScreen, print_verdict
from story import Story


def main() -> int:
    """Play the story in a folder of its own, then judge what was seen."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=120)
    screen = LiveScreen(console) if console.is_terminal else PlainScreen(console)
    with tempfile.TemporaryDirectory(prefix="anysched-demo-") as folder:
        story = Story(Path(folder), screen)
        try:
            with screen:
                evidence = anyio.run(story.play)
        finally:
            if story.log.exists():
                sys.stderr.write(story.log.read_text(encoding="utf-8"))
    return 0 if print_verdict(console, evidence) else 1


if __name__ == "__main__":
    sys.exit(main())
