"""AdamW that keeps its statistics, or some weights, in bfloat16 (CLIP, section 2.5: half-precision Adam statistics).

What is rounded, with float32 statistics or weights nothing of them:

    first moment     nearest: a tenth of it is new in each step, far more than bfloat16's 2^-9
    second moment    stochastically: to nearest it would never fall, as a step takes 0.1 to 2 % of it away
    weights          stochastically: most steps move them by less than half of their last bit

The draw for an element is SplitMix64(key(seed, step, parameter) ^ element), the element's number that of the whole
parameter: the same for replicas, for FSDP's shards, for threads and on CPU and CUDA. torch's fused AdamW takes one type
for all (it refuses bfloat16 statistics beside float32 weights), and rounds to nearest.
"""

import hashlib
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np
import torch

from trainer.data.order.draws import key_of
from trainer.optim.adamw_kernel import Floats, Part, update_parts
from trainer.optim.shards import first_element, local

WEIGHTS = (torch.float32, torch.bfloat16)
MOMENTS = ("exp_avg", "exp_avg_sq")
"""Their names in torch's AdamW: so a checkpoint of the one can be read by the other."""


class HalfAdamW(torch.optim.Optimizer):
    """AdamW with decoupled decay and bias correction as `torch.optim.AdamW`, its moments in `statistics`.

    Parameters are float32 or bfloat16, of any memory format; given with names, these number them for the draws, else
    their order does. ``state[parameter]`` has step, exp_avg, exp_avg_sq. `grad_scale` and `found_inf` act as they do on
    torch's fused optimizers, but for gradients, which stay as they are.
    """

    def __init__(
        self,
        params: Iterable[Any],
        *,
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float = 0.0,
        statistics: torch.dtype = torch.bfloat16,
        seed: int = 0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})
        self._step_supports_amp_scaling = True  # GradScaler then sets grad_scale and found_inf
        self._statistics = statistics
        self._seed = seed
        self._tables: dict[tuple[int, torch.dtype], tuple[list[int], Any]] = {}
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.dtype not in WEIGHTS:
                    raise ValueError(f"parameters must be float32 or bfloat16, found {parameter.dtype}")

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]  # torch's has overloads
        """Update all parameters that have gradients, by their ``.grad``."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for number, group in enumerate(self.param_groups):
            names = group.get("param_names") or [f"{number}.{place}" for place in range(len(group["params"]))]
            by_type: dict[tuple[torch.device, torch.dtype], list[tuple[str, torch.Tensor]]] = {}
            for name, parameter in zip(names, group["params"], strict=True):
                if parameter.grad is not None:
                    by_type.setdefault((parameter.device, parameter.dtype), []).append((name, parameter))
            for (device, dtype), named in by_type.items():
                update = self._update_on_cpu if device.type == "cpu" else self._update_on_cuda
                update((number, dtype), group, named)
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the state of this or of torch's AdamW; moments in `statistics`, not in the weights' type."""
        super().load_state_dict(state_dict)
        numbers = [number for group in state_dict["param_groups"] for number in group["params"]]
        parameters = [parameter for group in self.param_groups for parameter in group["params"]]
        for number, parameter in zip(numbers, parameters, strict=True):
            for name in MOMENTS:
                if number in state_dict["state"]:
                    given = state_dict["state"][number][name]
                    self.state[parameter][name] = torch.zeros_like(parameter, dtype=self._statistics).copy_(given)

    def _update_on_cpu(self, _: Any, group: dict[str, Any], named: list[tuple[str, torch.Tensor]]) -> None:
        found_inf, grad_scale = getattr(self, "found_inf", None), getattr(self, "grad_scale", None)
        if found_inf is not None and found_inf:
            return
        unscale = 1.0 if grad_scale is None else 1.0 / float(grad_scale)
        rate, kept, new_first, beta2, new_second, eps = _scalars(group)
        steps = [self._state_of(parameter)["step"] for _, parameter in named]
        torch._foreach_add_(steps, 1.0)
        steps_N = torch.stack(steps)
        corrections = zip(
            steps_N.tolist(), *(each.tolist() for each in _corrections(steps_N, group["betas"])), strict=True
        )
        parts = []
        for (name, parameter), (step, first, root) in zip(named, corrections, strict=True):
            weights, gradients, moment, second = (_as_array(tensor) for tensor in self._flat(parameter))
            scalars = np.array([unscale, kept, new_first, beta2, new_second, root, eps], dtype=np.float32)
            parts.append(
                Part(
                    weights, gradients, moment, second,
                    key=key_of(self._seed, int(step), _number(name)),
                    offset=first_element(parameter),
                    scalars=np.append(scalars, np.float32(rate) * np.float32(first)),
                )
            )  # fmt: skip
        update_parts(parts, torch.get_num_threads())

    def _update_on_cuda(
        self, which: tuple[int, torch.dtype], group: dict[str, Any], named: list[tuple[str, torch.Tensor]]
    ) -> None:
        """Update by one launch. Nothing waits for the device: it counts the steps, and skips them, itself."""
        from trainer.optim.adamw_triton import launch, make_table  # CUDA builds of torch bring Triton, CPU ones do not

        steps = [self._state_of(parameter)["step"] for _, parameter in named]
        device = steps[0].device
        found_inf = getattr(self, "found_inf", torch.zeros((), device=device)).to(device, non_blocking=True)
        grad_scale = getattr(self, "grad_scale", None)
        unscale = torch.ones((), device=device) if grad_scale is None else grad_scale.to(device).float().reciprocal()
        torch._foreach_add_(steps, 1.0 - found_inf)
        steps_N = torch.stack(steps)
        first_N, root_N = _corrections(steps_N, group["betas"])
        tensors = [self._flat(parameter) for _, parameter in named]
        addresses = [tensor.data_ptr() for four in tensors for tensor in four]
        if which not in self._tables or self._tables[which][0] != addresses:
            offsets = [first_element(parameter) for _, parameter in named]
            numbers = [_number(name) for name, _ in named]
            self._tables[which] = addresses, make_table(tensors, offsets, numbers, self._seed)
        launch(self._tables[which][1], steps_N, first_N, root_N, unscale, found_inf, _scalars(group))

    def _state_of(self, parameter: torch.Tensor) -> dict[str, torch.Tensor]:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
            for name in MOMENTS:
                state[name] = torch.zeros_like(parameter, dtype=self._statistics)
        return state

    def _flat(self, parameter: torch.Tensor) -> list[torch.Tensor]:
        """Return weights, gradients, moments in the order of the weights' memory; of DTensors this worker's shards."""
        assert parameter.grad is not None
        weights = local(parameter)
        state = self.state[parameter]
        for name in MOMENTS:
            if local(state[name]).stride() != weights.stride():  # read from a checkpoint in another order
                state[name] = torch.zeros_like(parameter, dtype=state[name].dtype).copy_(state[name])
        gradients = local(parameter.grad)
        if gradients.stride() != weights.stride():
            gradients = torch.empty_like(weights).copy_(gradients)
        others = [gradients, *(local(state[name]) for name in MOMENTS)]
        return [tensor.as_strided((tensor.numel(),), (1,)) for tensor in (weights, *others)]


def _as_array(flat: torch.Tensor) -> Floats:
    array: Floats = (flat.view(torch.uint16) if flat.dtype == torch.bfloat16 else flat).numpy()
    return array


@cache
def _number(name: str) -> int:
    """Return the number of a parameter for its draws: of its name, so that other parameters do not change it."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def _scalars(group: dict[str, Any]) -> tuple[float, float, float, float, float, float]:
    """Return rate, kept, new_first, beta2, new_second, eps (see `adamw_kernel.update_part`)."""
    beta1, beta2 = group["betas"]
    return group["lr"], 1 - group["lr"] * group["weight_decay"], 1 - beta1, beta2, 1 - beta2, group["eps"]


def _corrections(steps: torch.Tensor, betas: tuple[float, float]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return 1 / (1 - beta1^t) and 1 / sqrt(1 - beta2^t), computed in float64."""
    first, second = (1 - beta ** steps.double() for beta in betas)
    return first.reciprocal().float(), second.rsqrt().float()
