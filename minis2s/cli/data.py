"""`minis2s data`: list, show, fetch and make corpora."""

from pathlib import Path
from typing import Annotated

import typer

from minis2s.config import InputError

app = typer.Typer(no_args_is_help=True, help="Corpora: list, show, fetch, make.")


@app.command("list")
def data_list() -> None:
    """Every corpus by name."""
    from minis2s.text.cards import CARDS

    for card in CARDS.values():
        typer.echo(f"{card.name:16}{'-'.join(card.languages) or '-':14}{card.about}")


@app.command("show")
def data_show(name: str) -> None:
    """Origin, terms, splits and a few pairs of one corpus."""
    from minis2s.text import corpora, tasks
    from minis2s.text.cards import card

    about = card(name)
    typer.echo(f"{about.name}: {about.about}\nterms: {about.licence}")
    if about.url:
        typer.echo(f"from: {about.url}\nin: {corpora.cache_dir() / name}")
    unread: list[tuple[str, InputError]] = []
    for split, languages in about.splits.items():
        src, tgt = (*languages, "", "")[:2]
        try:
            text = corpora.load(name, split, src, tgt)
        except InputError as error:
            unread.append((split, error))
            continue
        typer.echo(f"{split}: {len(text)} pairs in {', '.join(languages) or 'letters'}")
        n_shown = 4 if name in tasks.TASKS else 2  # a task mixes forms and languages
        for s, t in list(zip(text.src, text.tgt, strict=True))[:n_shown]:
            typer.echo(f"    {s}\n    {t}")
    if unread:
        typer.echo(f"not here: {', '.join(split for split, _ in unread)}")
        typer.echo(f"    {unread[0][1]}")


@app.command("fetch")
def data_fetch(name: str) -> None:
    """Download a corpus into the cache, verified; what is there stays."""
    from minis2s.text import corpora

    for path in corpora.fetch(name):
        typer.echo(path)


@app.command("make")
def data_make(
    name: str,
    out: Annotated[Path | None, typer.Option(help="folder; default NAME")] = None,
) -> None:
    """Write a generated task or grammar as aligned text files."""
    from minis2s.text import corpora, grammar, tasks
    from minis2s.text.cards import CARDS
    from minis2s.text.files import write_whole

    generated = [*tasks.TASKS, *grammar.GRAMMARS]
    if name not in generated:
        raise InputError(f"{name!r} is not generated; there are {', '.join(generated)}")
    src, tgt = CARDS[name].languages if name in grammar.GRAMMARS else ("src", "tgt")
    out = out or Path(name)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {out} cannot be made ({error.strerror})") from error
    for split in CARDS[name].splits:
        text = corpora.load(name, split, src, tgt)
        links = corpora.load_alignment(name, split)
        written = {src: text.src, tgt: text.tgt, "align": map(_pharaoh, links)}
        for ending, lines in written.items():
            path = out / f"{split}.{ending}"
            write_whole(path, "".join(f"{line}\n" for line in lines).encode())
            typer.echo(path)


def _pharaoh(links: tuple[list[tuple[int, int]], list[tuple[int, int]]]) -> str:
    """Links as 0-0 if they are sure, as 0?0 if they are only possible."""
    sure, possible = links
    return " ".join(f"{s}{'-' if (s, t) in sure else '?'}{t}" for s, t in possible)
