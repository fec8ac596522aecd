"""The recipe: one YAML file that says what is done to which file.

Validated once, lossless to and from YAML. An unknown key is an error that suggests the nearest one, and every error
names its line.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from voltomo.errors import InputNotFoundError, RecipeError, VoltomoError
from voltomo.units import parse_bytes, parse_voxel_size

__all__ = [
    "Input",
    "Recipe",
    "Step",
    "load_yaml",
    "read_recipe",
    "recipe_text",
    "resolve_paths",
    "validate",
    "validate_config",
]


class Input(BaseModel):
    """Where the data are and what their file may not say.

    Parameters
    ----------
    volume : file or folder with grey values; several channels: a list
    segmentation : file with phase codes, instead of `volume`
    phases : phase table of the segmentation, a file
    voxel_size : "64 nm", "200,64,64 nm" (z, y, x), "z=0.2 um, y=x=64 nm", or "none"; None: what the file says
    through_plane : axis normal to the current collector
    dataset : path inside an HDF5 file
    shape, dtype : of a raw file
    mask : "auto" finds the field of view, "none" takes all of it, or a file with 1 inside
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    volume: str | tuple[str, ...] | None = None
    segmentation: str | None = None
    phases: str | None = None
    voxel_size: str | None = None
    through_plane: Literal["z", "y", "x", "unknown"] = "unknown"
    dataset: str | None = None
    shape: tuple[int, int, int] | None = None
    dtype: str | None = None
    mask: str = "auto"

    @field_validator("voxel_size")
    @classmethod
    def _is_voxel_size(cls, text: str | None) -> str | None:
        if text is not None:
            parse_voxel_size(text)
        return text


@dataclass(frozen=True)
class Step:
    """One verb with its configuration."""

    verb: str
    config: BaseModel


class Recipe(BaseModel):
    """A recipe as validated; see `read_recipe` for the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    voltomo: Literal[1] = 1
    input: Input = Field(default_factory=Input)
    memory: str = "4GB"
    steps: tuple[Step, ...]

    @field_validator("memory")
    @classmethod
    def _is_memory(cls, text: str) -> str:
        parse_bytes(text)
        return text

    def config(self, verb: str) -> BaseModel | None:
        """Configuration of a step, or None if the recipe has no such step."""
        return next((step.config for step in self.steps if step.verb == verb), None)


Lines = Mapping[tuple[str | int, ...], int]
"""Line number of each place in a YAML file."""


def read_recipe(path: Path, verbs: Mapping[str, type[BaseModel]]) -> Recipe:
    """Read a recipe; paths in it are relative to it.

    Parameters
    ----------
    path : a YAML file
    verbs : configuration class of each step that a recipe may have

    Raises
    ------
    RecipeError
        With the line, and the nearest key or verb where one is unknown.
    """
    content, lines = load_yaml(path)
    recipe = validate(content, verbs, lines=lines, source=str(path))
    return resolve_paths(recipe, path.parent)


def validate(
    content: Mapping[str, Any],
    verbs: Mapping[str, type[BaseModel]],
    *,
    lines: Lines | None = None,
    source: str = "the recipe",
) -> Recipe:
    """Recipe from the content of a file or a dict."""
    at = _Place(lines or {}, source)
    if "steps" not in content:
        raise RecipeError(f"{at(())}: expected `steps`, a list such as [segment: {{}}, measure: {{}}, report: {{}}]")
    steps = content["steps"]
    if not isinstance(steps, Sequence) or isinstance(steps, str) or not steps:
        raise RecipeError(f"{at(('steps',))}: expected `steps` to be a list of verbs, found {steps!r}")
    made = tuple(_step(step, i, verbs, at) for i, step in enumerate(steps))
    _check_order([step.verb for step in made], list(verbs), at)
    rest = {key: value for key, value in content.items() if key != "steps"}
    try:
        return Recipe(**rest, steps=made)
    except ValidationError as error:
        raise _recipe_error(error, Recipe, (), at) from error


ConfigT = TypeVar("ConfigT", bound=BaseModel)


def validate_config(model: type[ConfigT], values: Mapping[str, Any], *, source: str) -> ConfigT:
    """One configuration from plain values; a RecipeError names the key that is wrong."""
    at = _Place({}, source)
    try:
        return model(**values)
    except ValidationError as error:
        raise _recipe_error(error, model, (), at) from error
    except VoltomoError as error:
        raise RecipeError(f"{source}: {error}") from error


def _step(step: object, index: int, verbs: Mapping[str, type[BaseModel]], at: _Place) -> Step:
    loc: tuple[str | int, ...] = ("steps", index)
    if isinstance(step, Step):
        return step
    if isinstance(step, str):
        step = {step: {}}
    if not isinstance(step, Mapping) or len(step) != 1:
        raise RecipeError(f"{at(loc)}: expected one verb with its settings such as `segment: {{}}`, found {step!r}")
    verb, settings = next(iter(step.items()))
    if verb not in verbs:
        raise RecipeError(f"{at(loc)}: unknown step {verb!r}{_suggest(str(verb), verbs)}; steps are {', '.join(verbs)}")
    if settings is not None and not isinstance(settings, Mapping):
        raise RecipeError(f"{at((*loc, verb))}: expected settings of {verb} as `key: value`, found {settings!r}")
    try:
        return Step(verb, verbs[verb](**(settings or {})))
    except ValidationError as error:
        raise _recipe_error(error, verbs[verb], (*loc, verb), at) from error
    except VoltomoError as error:
        raise RecipeError(f"{at((*loc, verb))}: {error}") from error


def _check_order(found: list[str], order: list[str], at: _Place) -> None:
    """Steps come once and in the order of `order`."""
    for i, verb in enumerate(found):
        if verb in found[:i]:
            raise RecipeError(f"{at(('steps', i))}: the step {verb!r} stands twice")
        later = [other for other in found[:i] if order.index(other) > order.index(verb)]
        if later:
            raise RecipeError(
                f"{at(('steps', i))}: {verb!r} must come before {later[0]!r}; the order is {', '.join(order)}"
            )


def load_yaml(path: Path) -> tuple[dict[str, Any], Lines]:
    """Content of a YAML file and the line of each place in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputNotFoundError(f"no file {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"expected a YAML text file, {path} cannot be read: {error}") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise RecipeError(f"{path}{line}: not valid YAML: {getattr(error, 'problem', error)}") from error
    if not isinstance(content, dict):
        raise RecipeError(f"{path}: expected `key: value` lines, found {type(content).__name__}")
    lines: dict[tuple[str | int, ...], int] = {}
    _note_lines(node, (), lines)
    return content, lines


def _note_lines(node: Any, loc: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int]) -> None:
    lines.setdefault(loc, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines[(*loc, key.value)] = key.start_mark.line + 1
            _note_lines(value, (*loc, key.value), lines)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            _note_lines(value, (*loc, i), lines)


@dataclass(frozen=True)
class _Place:
    """Turns a location into "file, line n"."""

    lines: Lines
    source: str

    def __call__(self, loc: tuple[str | int, ...]) -> str:
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return f"{self.source}, line {self.lines[loc]}" if loc in self.lines else self.source


def _recipe_error(
    error: ValidationError, model: type[BaseModel], prefix: tuple[str | int, ...], at: _Place
) -> RecipeError:
    messages = []
    for problem in error.errors():
        loc = (*prefix, *problem["loc"])
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            keys = _known_keys(model, problem["loc"])
            messages.append(
                f"{at(loc)}: unknown key {key!r}{_suggest(str(problem['loc'][-1]), keys)}; keys are {', '.join(keys)}"
            )
        else:
            messages.append(f"{at(loc)}: {key}: {problem['msg']}, found {problem['input']!r}")
    return RecipeError("\n".join(messages))


def _known_keys(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """The keys that are known where an unknown one was found."""
    for part in loc[:-1]:
        annotation = model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
        nested = next((t for t in [annotation, *getattr(annotation, "__args__", ())] if _is_model(t)), None)
        if nested is None:
            break
        model = nested
    return list(model.model_fields)


def _is_model(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _suggest(word: str, known: Sequence[str] | Mapping[str, object]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f", did you mean {near[0]!r}?" if near else ""


@runtime_checkable
class NamesFiles(Protocol):
    """A configuration that names files."""

    def relative_to(self, folder: Path) -> BaseModel:
        """The same with its paths taken from a folder."""
        ...


def resolve_paths(recipe: Recipe, folder: Path) -> Recipe:
    """The same recipe with absolute paths; relative ones are taken from a folder."""
    folder = folder.absolute()
    steps = tuple(
        Step(step.verb, step.config.relative_to(folder)) if isinstance(step.config, NamesFiles) else step
        for step in recipe.steps
    )
    return recipe.model_copy(update={"input": _absolute(recipe.input, folder), "steps": steps})


def _absolute(source: Input, folder: Path) -> Input:
    def absolute(text: str | None) -> str | None:
        return None if text is None else str(folder / text)

    volume = source.volume
    return source.model_copy(
        update={
            "volume": tuple(str(folder / v) for v in volume) if isinstance(volume, tuple) else absolute(volume),
            "segmentation": absolute(source.segmentation),
            "phases": absolute(source.phases),
            "mask": source.mask if source.mask in ("auto", "none") else str(folder / source.mask),
        }
    )


def recipe_text(recipe: Recipe) -> str:
    """YAML with every default written out; `read_recipe` reads it back."""
    content = {
        "voltomo": recipe.voltomo,
        "input": recipe.input.model_dump(mode="json", exclude_none=True),
        "memory": recipe.memory,
        "steps": [{step.verb: step.config.model_dump(mode="json", exclude_none=True)} for step in recipe.steps],
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
