"""The methods paragraph and its references: what was done, in the words of a paper, and who says how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from voltomo.report.content import ReportContent
from voltomo.report.record import voxel_text
from voltomo.report.references import REFERENCES, Reference
from voltomo.report.scalebar import bar_text

__all__ = ["Methods", "describe_methods", "methods_markdown"]


@dataclass(frozen=True)
class Methods:
    """Sentences with ``[n]`` in them, and the references that the numbers stand for."""

    paragraphs: tuple[str, ...]
    references: tuple[Reference, ...]


class _Citations:
    """Numbers references in the order in which they are first used."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def __call__(self, *keys: str) -> str:
        for key in keys:
            if key not in self.keys:
                self.keys.append(key)
        return "[" + ", ".join(str(self.keys.index(key) + 1) for key in keys) + "]"


def describe_methods(content: ReportContent) -> Methods:
    """What was done to get the numbers; only methods that were used are named."""
    cite = _Citations()
    paragraphs = [_scan(content)]
    for step in content.steps:
        sentence = _describe_step(step, content, cite)
        if sentence:
            paragraphs.append(sentence)
    measured = _describe_measurements(content, cite)
    if measured:
        paragraphs.append(measured)
    return Methods(tuple(p for p in paragraphs if p), tuple(REFERENCES[key] for key in cite.keys))


def _scan(content: ReportContent) -> str:
    """The first sentence: the data."""
    version = str((content.provenance.get("versions") or {}).get("voltomo", ""))
    program = f"voltomo {version}".strip()
    if content.shape is None:
        return f"Analysis with {program}."
    edges = " × ".join(str(n) for n in content.shape[3 - content.dimension :])
    kind = "volume" if content.dimension == 3 else "image"
    if content.voxel_size is None:
        size = "an unknown voxel size, so that lengths are given in voxels"
    else:
        size = f"a voxel size of {voxel_text(content)}"
    return f"The {kind} of {edges} voxels with {size} was analyzed with {program}."


def _describe_step(step: Mapping[str, Any], content: ReportContent, cite: _Citations) -> str:
    """One stage in a sentence or two; empty where it needs no word."""
    verb, config = step.get("verb"), step.get("config") or {}
    if verb == "denoise":
        return _denoise(config, cite)
    if verb == "segment":
        return " ".join(filter(None, (_denoise(config.get("denoise") or {}, cite), _segment(config, content, cite))))
    if verb == "particles":
        return _particles(config, step.get("record") or {}, content, cite)
    return ""


def _denoise(config: Mapping[str, Any], cite: _Citations) -> str:
    """The filter before the cuts."""
    method = str(config.get("method", ""))
    known = {
        "median": "Noise was reduced with a median filter.",
        "gaussian": "Noise was reduced with a Gaussian filter.",
        "nlm": "Noise was reduced with non-local means",
    }
    if method in ("", "none"):
        return ""
    text = known.get(method, f"Noise was reduced with the method {method}.")
    return f"{text} {cite('nlm')}." if method == "nlm" else text


def _segment(config: Mapping[str, Any], content: ReportContent, cite: _Citations) -> str:
    """How grey values became phases."""
    histogram = content.histogram or {}
    method = str(histogram.get("method") if config.get("method") == "auto" else config.get("method", ""))
    if method == "model":
        return _with_model(content, cite)
    known: dict[str, tuple[str, tuple[str, ...]]] = {
        "otsu": ("the cut that maximizes the between-class variance of the histogram", ("otsu",)),
        "multi-otsu": ("the cuts that maximize the between-class variance of the histogram", ("otsu", "multi")),
        "triangle": ("a cut by the triangle method", ("triangle",)),
        "threshold": ("given cuts", ()),
        "fractions": ("the cuts that meet given phase fractions", ()),
        "hysteresis": ("hysteresis between two cuts", ("canny",)),
        "kmeans": ("k-means clustering of grey value and local feature", ("kmeans",)),
    }
    words, keys = known.get(method, (f"the method {method or 'given in the configuration'}", ()))
    how = f"{words} {cite(*keys)}" if keys else words
    phases = content.phase_map.phases if content.phase_map is not None else ()
    names = ", ".join(phase.name for phase in phases)
    cuts = ", ".join(f"{cut:.6g}" for cut in (content.histogram or {}).get("cuts", ()))
    named = f" ({names})" if names else ""
    at = f", at the grey level{_s(cuts)} {cuts}" if cuts else ""
    return f"Phases{named} were separated by {how}{at}."


def _with_model(content: ReportContent, cite: _Citations) -> str:
    """What a trained model is, what taught it, and how it scored."""
    told = (content.histogram or {}).get("model") or {}
    network = str(told.get("network", ""))
    kinds = {
        "unet": f"a U-Net {cite('unet')}",
        "segnet": f"a SegNet {cite('segnet')}",
        "lrcsnet": f"an LRCS-Net {cite('lrcsnet')}",
        "forest": f"a random forest {cite('forest')} on image features at several scales",
        "boosting": f"gradient-boosted trees {cite('boosting')} on image features at several scales",
        "mlp": "a multilayer perceptron on image features at several scales",
    }
    kind = kinds.get(network, f"the network {network}")
    phases = content.phase_map.phases if content.phase_map is not None else ()
    text = (
        f"Phases ({', '.join(phase.name for phase in phases)}) were separated by the model {told.get('name')}, {kind}"
    )
    taught = told.get("trained_on") or {}
    if taught.get("images"):
        text += f", trained on {taught['labelled']} labelled voxels of {taught['images']} image(s)"
        text += f" of {taught['source']}" if taught.get("source") else ""
    scores = (told.get("scores") or {}).get("iou") or {}
    known = {phase.name for phase in phases} or set(scores)
    iou = {name: value for name, value in scores.items() if value is not None and name in known}
    if iou:
        listed = ", ".join(f"{name} {value:.2f}" for name, value in iou.items())
        text += f"; on labels of these images that did not train it, its intersection over union was {listed}"
    return f"{text}."


def _s(listed: str) -> str:
    """Plural ending of a list joined by commas."""
    return "s" if "," in listed else ""


def _particles(config: Mapping[str, Any], record: Mapping[str, Any], content: ReportContent, cite: _Citations) -> str:
    """How particles were told apart, and what counts as broken in them."""
    text = (
        "Particles of active material were separated by a marker-controlled watershed on the distance to their surface "
        f"{cite('beucher', 'meyer')}, after cavities and narrow cracks inside them had been closed"
    )
    smallest = config.get("min_diameter")
    if isinstance(record.get("min_diameter"), float):
        in_meters = record.get("length_unit", "m") == "m"
        smallest = bar_text(record["min_diameter"], in_meters=in_meters)
    text += f"; the smallest particle diameter was {smallest}." if smallest else "."
    if content.crack_map is not None and content.crack_map.threshold is not None:
        text += (
            f" Inside the particles, voxels darker than the grey level {content.crack_map.threshold:.6g}, from a "
            f"triangle threshold of the grey levels there {cite('triangle')}, count as crack or void."
        )
    return text


def _describe_measurements(content: ReportContent, cite: _Citations) -> str:
    """Estimators of the numbers in the table, each with its source."""
    given = [item for item in content.measurements if item.value is not None]
    names = {item.name for item in given}
    used = " ".join(item.method for item in given)
    sentences = []
    if names & {"volume_fraction", "area_fraction", "porosity", "porosity_total"}:
        sentences.append("Fractions are voxel counts over the region inside the field of view.")
    if "Crofton" in used:
        directions = "13 directions" if content.dimension == 3 else "4 directions"
        kind = "Surface and interface areas" if content.dimension == 3 else "Boundary lengths"
        sentences.append(f"{kind} were estimated with Crofton's formula in {directions} {cite('ohser', 'legland')}.")
    if "equivalent_diameter" in names:
        what = "sphere" if content.dimension == 3 else "circle"
        sentences.append(f"Particle sizes are diameters of the {what} of equal measure.")
    if "Miles" in used:
        sentences.append(
            "Particles cut by the edge were left out and the others weighted by the inverse of their chance to lie "
            f"whole in the region {cite('miles', 'serra')}."
        )
    if "sphericity" in names:
        sentences.append(f"Sphericity follows Wadell {cite('wadell')}.")
    return " ".join(sentences)


def methods_markdown(content: ReportContent, methods: Methods) -> str:
    """The methods paragraph as Markdown, ready for a paper's draft."""
    lines = ["# Methods", "", *(p + "\n" for p in methods.paragraphs)]
    if methods.references:
        lines += ["## References", ""]
        lines += [f"{i}. {ref.text}{_link(ref)}" for i, ref in enumerate(methods.references, 1)]
        lines.append("")
    versions = content.provenance.get("versions") or {}
    if versions:
        lines += ["## Versions", "", ", ".join(f"{name} {version}" for name, version in sorted(versions.items())), ""]
    return "\n".join(lines)


def _link(reference: Reference) -> str:
    return f" https://doi.org/{reference.doi}" if reference.doi else ""
