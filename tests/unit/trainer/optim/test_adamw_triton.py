"""The kernel for CUDA: run by Triton's interpreter it gives the bits of the CPU's; compiled, its code keeps to them.

Triton comes with CUDA builds of torch; without it these tests are left out. tests/gpu runs the kernel itself.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.kernels.kernel_cache import ROOT

pytestmark = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="needs Triton, for CUDA builds")

COMPARE = """
import json, torch
from trainer.optim.half_adamw import HalfAdamW

def run(through, dtype, statistics):
    generator = torch.Generator().manual_seed(0)
    of = {name: torch.nn.Parameter(torch.randn(size, generator=generator).to(dtype)) for name, size in
          (("a", 5), ("b", 1024), ("c", 2500))}
    optimizer = HalfAdamW(list(of.items()), lr=1e-2, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.2,
                          statistics=statistics, seed=2**63 + 5)
    if through == "triton":
        optimizer._update_on_cpu = optimizer._update_on_cuda
    for step in range(3):
        for parameter in of.values():
            parameter.grad = torch.randn(parameter.shape, generator=generator).to(dtype)
        if step:
            vars(optimizer).update(grad_scale=torch.tensor(3.0), found_inf=torch.tensor(float(step == 1)))
        optimizer.step()
    return [each for parameter in of.values() for each in (parameter.detach(), *optimizer.state[parameter].values())]

full, half = torch.float32, torch.bfloat16
for dtype, statistics in ((full, half), (half, full), (half, half)):
    one, other = (run(through, dtype, statistics) for through in ("numba", "triton"))
    print(json.dumps([str(dtype), str(statistics), len(one), [torch.equal(a, b) for a, b in zip(one, other)]]))
"""

COMPILE = """
import re
from triton import compile
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from trainer.optim import adamw_triton as kernel

types = {"owners_C": "*i32"} | {name: "*fp32" for name in ("steps_N", "first_N", "root_N", "unscale", "found_inf")}
types |= {name: "fp32" for name in ("rate", "kept", "new_first", "beta2", "new_second", "eps")}
given = {"HALF_WEIGHTS": False, "HALF_MOMENTS": True, "ALIGNED": True, "BLOCK": kernel.BLOCK}
types |= {name: "constexpr" for name in given}
names = kernel._update.arg_names
source = ASTSource(kernel._update, {name: types.get(name, "*i64") for name in names},
                   {(names.index(name),): value for name, value in given.items()})
options = {"num_warps": kernel.NUM_WARPS, "enable_fp_fusion": False}
ptx = compile(source, target=GPUTarget("cuda", 90, 32), options=options).asm["ptx"]
print(len(re.findall(r"fma\\.rn\\.f32", ptx)), *sorted(set(re.findall(r"(?:ld|st)\\.global\\.v\\d\\.b32", ptx))),
      *sorted(set(re.findall(r"(?:div|sqrt)\\.\\w+\\.f32", ptx))))
"""


def printed(program: str, folder: Path, **settings: str) -> list[str]:
    environment = os.environ | {"TRITON_CACHE_DIR": str(folder), "PYTHONPATH": str(ROOT)} | settings
    environment = {name: value for name, value in environment.items() if value}
    done = subprocess.run([sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_it_gives_the_bits_of_the_cpu(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in printed(COMPARE, tmp_path, TRITON_INTERPRET="1")]
    assert [(dtype, statistics) for dtype, statistics, *_ in lines] == [
        ("torch.float32", "torch.bfloat16"), ("torch.bfloat16", "torch.float32"), ("torch.bfloat16", "torch.bfloat16")
    ]  # fmt: skip
    assert [(number, equal) for *_, number, equal in lines] == 3 * [(12, 12 * [True])]


def test_compiled_it_rounds_each_operation_and_moves_16_bytes_at_once(tmp_path: Path) -> None:
    """Of Hopper's code: no fused multiply-add, IEEE's root and quotient, loads and stores of four words."""
    assert printed(COMPILE, tmp_path, TRITON_INTERPRET="") == [
        "0 ld.global.v4.b32 st.global.v4.b32 div.rn.f32 sqrt.rn.f32"
    ]
