#!/usr/bin/env bash
# torch 2.13.0, CPU: fused optimizers give weights the gradients of other weights where the memory formats differ.
#
# A convolution's weight in channels_last whose .grad is contiguous (assigned, or gathered from elsewhere; autograd makes
# it in the weight's format). The kernels walk both as they lie in memory: SGD and AdamW with fused=True update element
# (0, 0, 0, 1) by the gradient of (0, 1, 0, 1), and so on, in silence. Without fused the update is right, and on CUDA
# fused AdamW refuses ("params, grads, exp_avgs, and exp_avg_sqs must have same dtype, device, and layout"). The same
# happens to statistics that are loaded in another format than the weight's.
#
# Fails (exit 1) when that changes. Downloads torch.
set -euo pipefail
folder=$(mktemp -d /tmp/finding-XXXX)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q torch==2.13.0 numpy==2.1.3
"$folder/env/bin/python" - <<'PY'
import sys

import torch

weight = torch.arange(24.0).reshape(2, 3, 2, 2)
gradient = weight + 1
seen = {}
for memory_format in (torch.contiguous_format, torch.channels_last):
    for fused in (False, True):
        parameter = torch.nn.Parameter(weight.clone().to(memory_format=memory_format))
        parameter.grad = gradient.clone()
        torch.optim.SGD([parameter], lr=1.0, fused=fused).step()
        right = torch.equal(parameter.detach(), weight - gradient)
        seen[memory_format, fused] = right
        print(f"{memory_format}, fused={fused}: {'right' if right else 'gradients of other weights'}")
wrong = [key for key, right in seen.items() if not right]
sys.exit(wrong != [(torch.channels_last, True)] and "changed")
PY
