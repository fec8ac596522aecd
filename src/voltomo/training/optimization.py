"""One network from first step to last: rate, averaging of weights, validation, checkpoints."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from voltomo.errors import ConvergenceError
from voltomo.training.checkpoint import Checkpoint, Tensors
from voltomo.training.losses import loss_function
from voltomo.training.plan import TrainingPlan
from voltomo.training.progress import Progress, ValidationScores
from voltomo.training.sampling import CropSampler
from voltomo.training.settings import TrainingSettings
from voltomo.training.validation import ValidationPart, as_tensor

__all__ = ["Optimized", "learning_rate", "optimize"]

_CLIP = 1.0  # largest norm of a gradient: rare crops of odd grey values must not throw the weights away
_REPORT_EVERY = 10


def learning_rate(step: int, *, steps: int, peak: float, warm_up: float) -> float:
    """Linear rise over the share `warm_up` of the steps, then half a cosine to zero.

    References
    ----------
    .. [1] Loshchilov and Hutter, SGDR, ICLR (2017), arXiv 1608.03983.
    """
    rising = max(1, round(warm_up * steps))
    if step < rising:
        return peak * (step + 1) / rising
    return 0.5 * peak * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


@dataclass
class Optimized:
    """What one training gives.

    Parameters
    ----------
    weights : averaged weights of the best validation
    snapshots : averaged weights at the end of each cycle
    curve, validations : rows for a page, as JSON has them
    stopped_early : whether the patience ended it
    seconds : of the steps and validations, those before an interruption included
    """

    weights: Tensors = field(default_factory=dict)
    snapshots: list[Tensors] = field(default_factory=list)
    curve: list[dict[str, float]] = field(default_factory=list)
    validations: list[dict[str, Any]] = field(default_factory=list)
    stopped_early: bool = False
    seconds: float = 0.0


@dataclass
class _State:
    """What must survive an interruption."""

    network: nn.Module
    averaged: nn.Module
    optimizer: torch.optim.Optimizer
    step: int = 0
    best: float = -math.inf
    since_best: int = 0
    result: Optimized = field(default_factory=Optimized)

    def tensors(self) -> Tensors:
        """Everything with numbers, by name."""
        found = {f"network/{name}": value for name, value in self.network.state_dict().items()}
        found |= {f"averaged/{name}": value for name, value in self.averaged.state_dict().items()}
        found |= {f"best/{name}": value for name, value in self.result.weights.items()}
        for number, snapshot in enumerate(self.result.snapshots):
            found |= {f"snapshot{number}/{name}": value for name, value in snapshot.items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            found |= {f"optimizer/{index}/{name}": torch.as_tensor(value) for name, value in moments.items()}
        # A safetensors file wants memory of its own for every tensor.
        return {name: value.detach().clone() for name, value in found.items()}

    def plain(self) -> dict[str, Any]:
        """Everything else."""
        result = self.result
        return {
            "step": self.step,
            "best": None if math.isinf(self.best) else self.best,
            "since_best": self.since_best,
            "snapshots": len(result.snapshots),
            "curve": result.curve,
            "validations": result.validations,
            "stopped_early": result.stopped_early,
            "seconds": result.seconds,
        }

    def restore(self, tensors: Tensors, plain: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        groups: dict[str, Tensors] = {}
        for name, value in tensors.items():
            group, _, rest = name.partition("/")
            groups.setdefault(group, {})[rest] = value
        self.network.load_state_dict(groups["network"])
        self.averaged.load_state_dict(groups["averaged"])
        moments: dict[int, Tensors] = {}
        for name, value in groups.get("optimizer", {}).items():
            index, _, what = name.partition("/")
            moments.setdefault(int(index), {})[what] = value
        described = self.optimizer.state_dict()
        self.optimizer.load_state_dict({"state": moments, "param_groups": described["param_groups"]})
        self.step, self.since_best = plain["step"], plain["since_best"]
        self.best = -math.inf if plain["best"] is None else plain["best"]
        self.result = Optimized(
            weights=groups.get("best", {}),
            snapshots=[groups[f"snapshot{number}"] for number in range(plain["snapshots"])],
            curve=plain["curve"],
            validations=plain["validations"],
            stopped_early=plain["stopped_early"],
            seconds=plain["seconds"],
        )


def optimize(
    network: nn.Module,
    sampler: CropSampler,
    validation: ValidationPart,
    *,
    plan: TrainingPlan,
    settings: TrainingSettings,
    frozen: Sequence[str] = (),
    use_bf16: bool = False,
    cycles: int = 1,
    checkpoint: Checkpoint | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    member: tuple[int, int] = (0, 1),
) -> Optimized:
    """Train one network.

    Parameters
    ----------
    network : with its first weights; trained in place
    sampler, validation : the two parts of the labels
    plan, settings : how
    frozen : beginnings of the names of parameters that stay as they are
    use_bf16 : whether convolutions work in bfloat16
    cycles : times that the rate goes from its peak to zero; the weights at the end of each are a snapshot
    checkpoint : to go on from and to write after every validation
    on_progress : told every few steps
    member : which network of how many this is, for the reports

    Returns
    -------
    Optimized

    Raises
    ------
    ConvergenceError
        If the loss is not finite.
    """
    layout = torch.channels_last_3d if validation.dimension == 3 else torch.channels_last
    network.to(memory_format=layout)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(not name.startswith(tuple(frozen)))
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=plan.learning_rate, weight_decay=settings.weight_decay)
    state = _State(network, copy.deepcopy(network).eval(), optimizer)
    if checkpoint is not None and (kept := checkpoint.load()) is not None:
        state.restore(*kept)
    run = _Run(state, sampler, validation, plan, settings, tuple(frozen), use_bf16, cycles, on_progress, member)
    with ThreadPoolExecutor(1) as ahead:
        crops = ahead.submit(sampler.batch, state.step, plan.batch)
        while state.step < plan.steps and not state.result.stopped_early:
            batch = crops.result()
            if state.step + 1 < plan.steps:
                crops = ahead.submit(sampler.batch, state.step + 1, plan.batch)
            run.step(*batch)
            if run.is_time_to_validate() and run.validate() and checkpoint is not None:
                checkpoint.save(state.tensors(), state.plain())
    return state.result


@dataclass
class _Run:
    """The steps of one training; keeps what need not survive."""

    state: _State
    sampler: CropSampler
    validation: ValidationPart
    plan: TrainingPlan
    settings: TrainingSettings
    frozen: tuple[str, ...]
    use_bf16: bool
    cycles: int
    on_progress: Callable[[Progress], None] | None
    member: tuple[int, int]
    losses: list[float] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.loss = loss_function(self.settings.loss)
        self.device = next(self.state.network.parameters()).device
        self.seconds_before = self.state.result.seconds
        self.first_step = self.state.step

    @property
    def cycle_steps(self) -> int:
        """Steps until the rate is zero."""
        return -(-self.plan.steps // self.cycles)

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        length = self.cycle_steps
        return learning_rate(step % length, steps=length, peak=self.plan.learning_rate, warm_up=self.settings.warm_up)

    def step(self, grey: Any, classes: Any) -> None:
        """One step of the optimizer."""
        state = self.state
        _set_training(state.network, self.frozen)
        for group in state.optimizer.param_groups:
            group["lr"] = self.rate(state.step)
        inputs = as_tensor(grey, self.validation.dimension).to(self.device)
        truth = torch.from_numpy(classes if self.validation.dimension == 3 else classes[:, 0]).to(self.device)
        torch.manual_seed(hash((self.settings.seed, state.step)) % 2**63)  # for networks with dropout
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.use_bf16):
            logits = state.network(inputs)
        loss = self.loss(logits, truth)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ConvergenceError(
                f"the loss became {value} in step {state.step + 1}; expected a finite number. Train with a smaller "
                f"learning_rate than {self.plan.learning_rate:g}, or with precision f32"
            )
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_([p for group in state.optimizer.param_groups for p in group["params"]], _CLIP)
        state.optimizer.step()
        self._average()
        state.step += 1
        self.losses.append(value)
        if state.step % _REPORT_EVERY == 0:
            self._report(None, is_best=False)

    def _average(self) -> None:
        """Move the averaged weights towards the present ones; faster in the beginning."""
        state = self.state
        keep = min(self.settings.averaging, (1 + state.step) / (10 + state.step))
        with torch.no_grad():
            for old, new in zip(state.averaged.state_dict().values(), state.network.state_dict().values(), strict=True):
                if old.dtype.is_floating_point:
                    old.lerp_(new, 1 - keep)
                else:
                    old.copy_(new)

    def is_time_to_validate(self) -> bool:
        """Whether a validation or the end of a cycle is due."""
        step = self.state.step
        return step % self.plan.validate_every == 0 or step == self.plan.steps or step % self.cycle_steps == 0

    def validate(self) -> bool:
        """Score the averaged weights, keep them where they are the best, see whether to stop."""
        state, result = self.state, self.state.result
        scores = self.validation.score(state.averaged, step=state.step, views=self.on_progress is not None)
        weights = {name: value.detach().clone() for name, value in state.averaged.state_dict().items()}
        if is_best := scores.mean_iou > state.best:
            state.best, state.since_best, result.weights = scores.mean_iou, 0, weights
        else:
            state.since_best += 1
        if self.cycles > 1 and (state.step % self.cycle_steps == 0 or state.step == self.plan.steps):
            result.snapshots.append(weights)
        patience = self.settings.patience
        result.stopped_early = patience > 0 and state.since_best >= patience and state.step < self.plan.steps
        result.seconds = self.seconds_before + time.monotonic() - self.begun
        result.validations.append(scores.to_row())
        result.curve.append(
            {"step": state.step, "loss": round(self._mean_loss(), 6), "rate": self.rate(state.step - 1)}
        )
        self._report(scores, is_best=is_best)
        self.losses.clear()
        return True

    def _mean_loss(self) -> float:
        return sum(self.losses) / max(1, len(self.losses))

    def _report(self, scores: ValidationScores | None, *, is_best: bool) -> None:
        if self.on_progress is None:
            return
        number, members = self.member
        now = time.monotonic() - self.begun
        per_step = now / max(1, self.state.step - self.first_step)
        left = (self.plan.steps - self.state.step) + (members - number - 1) * self.plan.steps
        self.on_progress(
            Progress(
                member=number,
                members=members,
                step=self.state.step,
                steps=self.plan.steps,
                loss=self._mean_loss(),
                learning_rate=self.rate(self.state.step - 1),
                seconds=self.seconds_before + now,
                seconds_left=left * per_step,
                validation=scores,
                is_best=is_best,
            )
        )


def _set_training(network: nn.Module, frozen: tuple[str, ...]) -> None:
    """Training mode, but frozen parts keep the statistics of their normalisation too."""
    network.train()
    if frozen:
        for name, part in network.named_modules():
            if name and f"{name}.".startswith(frozen):
                part.eval()
