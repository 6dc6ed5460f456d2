"""One page of HTML that works from disk: nothing is fetched, figures are inside."""

import base64
import importlib.resources
import io
from html import escape
from pathlib import Path
from string import Template

from synaptogen import explore
from synaptogen._utils import PathLike, checked, plain_number, replacing
from synaptogen.learn.progress import StageProgress
from synaptogen.learn.validation import Property, Validation
from synaptogen.params import DeviceParams

from .figures import FIGURES, draw_figure, has_figure

__all__ = ["report"]

GRADES = {"good": "as measured", "fair": "close", "poor": "differs", "unknown": "not judged"}


@checked
def report(
    validation: Validation,
    path: PathLike,
    *,
    figures: PathLike | None = None,
    progress: StageProgress | None = None,
) -> list[Path]:
    """Write a validation as one self-contained HTML page.

    Parameters
    ----------
    validation : Validation
    path : str or path
        Of the page; it takes its place as a whole, or not at all.
    figures : str or path, optional
        Folder for the figures as PNG files, made if it is not there.
    progress : callable, optional
        Called with a stage and the share of it that is done.

    Returns
    -------
    list of Path
        The files that were written.

    Raises
    ------
    ModuleNotFoundError
        If Matplotlib is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import synaptogen as sg
    >>> from synaptogen import learn
    >>> data = learn.features(r_lrs=sg.CellArray(2, rng=1).run_cycles(60).r_lrs.T)
    >>> validation = learn.validate("hennen2024", data, splits=2, windows=100)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = learn.report(validation, Path(folder) / "report.html")
    ...     page = files[0].read_text(encoding="utf-8")
    >>> [file.name for file in files]
    ['report.html']
    >>> "data:image/png;base64," in page
    True
    """
    images = {}
    names = [name for name in FIGURES if has_figure(validation, name)]
    for n, name in enumerate(names):
        if progress is not None:
            progress("figures", n / len(names))
        buffer = io.BytesIO()
        draw_figure(validation, name).savefig(buffer, format="png")
        images[name] = buffer.getvalue()
    if progress is not None:
        progress("figures", 1.0)
    written = [Path(path)]
    with replacing(path) as beside:
        beside.write_text(_page(validation, images), encoding="utf-8")
    if figures is not None:
        folder = Path(figures)
        folder.mkdir(parents=True, exist_ok=True)
        for name, image in images.items():
            written.append(folder / f"{name}.png")
            written[-1].write_bytes(image)
    return written


def _page(validation: Validation, images: dict[str, bytes]) -> str:
    """Return the page with these figures, PNG files by name."""
    template = Template((importlib.resources.files(__package__) / "page.html").read_text(encoding="utf-8"))
    grade, headline = _headline(validation)
    return template.substitute(
        title=escape(f"{validation.params.name}: how good are the virtual devices?"),
        subtitle=escape(f"{validation.params!r}, compared with {validation.facts['data']}"),
        grade=grade,
        headline=escape(headline),
        overview=_overview(validation),
        notes=_list(validation.notes),
        rows="\n".join(_row(p) for p in validation.properties),
        figures="\n".join(_figure(name, image) for name, image in images.items()),
        explorer=_explorer(validation.params),
        provenance="\n".join(_pair(k, v) for k, v in _provenance(validation).items()),
        params=escape(validation.params.to_json()),
    )


def _provenance(validation: Validation) -> dict[str, str]:
    """Return where the data and all parts of the parameters come from."""
    found = {**validation.facts, **validation.params.source}
    part = validation.params.fluctuation
    if part is not None:
        found["fluctuation of"] = part.name
        found |= {f"fluctuation: {k}": v for k, v in part.source.items()}
    return found


def _headline(validation: Validation) -> tuple[str, str]:
    """Return the worst grade, and the whole in a sentence."""
    judged = [p for p in validation.properties if p.grade != "unknown"]
    count = {g: sum(p.grade == g for p in judged) for g in ("good", "fair", "poor")}
    parts = [f"{count['good']} of {len(judged)} properties are as close as measured data are to themselves"]
    for grade, rest in (("fair", " by too little to matter"), ("poor", "")):
        if count[grade]:
            parts.append(f"{count[grade]} differ{'s' * (count[grade] == 1)}{rest}")
    sentence = f"{', '.join(parts)}."
    if not validation.one_law:
        sentence += " One shared law is not enough: devices differ in shape or memory by more than chance."
    grade = "unknown" if not judged else "poor" if count["poor"] else "fair" if count["fair"] else "good"
    return grade, sentence


def _overview(validation: Validation) -> str:
    """Return what a user asks first: medians, widths and tails of measured and of simulated cells."""
    if not validation.overview:
        return (
            f"<p>{escape(validation.verdict[:1].upper() + validation.verdict[1:])}.</p>" if validation.verdict else ""
        )
    head = "".join(
        f'<th class="n">{name}</th>' for name in ("0.1 %", "1 %", "10 %", "median", "90 %", "99 %", "99.9 %")
    )
    rows = []
    for x in validation.overview:
        for what, quantiles in (("measured", x.measured), ("simulated", x.simulated)):
            cells = "".join(f'<td class="n">{plain_number(q, 4)}</td>' for q in quantiles)
            rows.append(f"<tr><td>{escape(x.name)} ({escape(x.unit)}), {what}</td>{cells}</tr>")
    return (
        f"<p>{escape(validation.verdict[:1].upper() + validation.verdict[1:])}.</p>\n"
        '<div class="scroll" tabindex="0" role="region" aria-label="Features">'
        f"<table><thead><tr><th>Feature</th>{head}</tr></thead>\n"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _row(p: Property) -> str:
    figures = (p.generated, p.floor, p.limit, p.independent, p.order_1)
    cells = "".join(f'<td class="n">{"" if v != v else f"{v:.3g}"}</td>' for v in figures)
    return (
        f"<tr><td>{escape(p.name)}<br><small>{escape(p.unit)}</small></td>"
        f'<td class="g {escape(p.grade)}">{escape(GRADES.get(p.grade, p.grade))}<br>'
        f"<small>{escape(p.verdict)}</small></td>{cells}</tr>"
    )


def _figure(name: str, image: bytes) -> str:
    data = base64.b64encode(image).decode("ascii")
    caption = escape(FIGURES[name][1])
    return (
        f'<figure id="{name}"><div class="scroll" tabindex="0" role="region" aria-label="{caption}">'
        f'<img src="data:image/png;base64,{data}" alt="{caption}"></div>'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _explorer(params: DeviceParams) -> str:
    """Return the page of the explorer as a frame in this one, or the reason why it cannot run the set."""
    try:
        page = explore.page([explore.source_of(params)])
    except ValueError as error:
        return f"<p>{escape(str(error))}</p>"
    return f'<iframe title="Virtual cells to play with" loading="lazy" srcdoc="{escape(page)}"></iframe>'


def _list(notes: tuple[str, ...]) -> str:
    return f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in notes)}</ul>" if notes else ""


def _pair(name: str, value: str) -> str:
    return f"<tr><th>{escape(name.replace('_', ' '))}</th><td>{escape(value)}</td></tr>"
