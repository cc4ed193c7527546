#!/usr/bin/env bash
# torch 2.13.0: torch.onnx.export writes a model of one batch size where it was told that the batch is dynamic.
#
# A module that takes len(x) of its input, with dynamic_shapes={"x": {0: Dim("batch")}}: torch.export.export refuses it
# ("Constraints violated (batch)! ... your code specialized it to be a constant (2)"). torch.onnx.export(dynamo=True)
# with the same arguments writes an ONNX model whose input is [2, 3], with neither error nor warning, and onnxruntime
# refuses every other batch ("Got: 1 Expected: 2"). With x.shape[0] in place of len(x) both take any batch. Whoever tries
# the file on the batch that it was traced with does not notice.
#
# Fails (exit 1) when that changes. Downloads torch.
set -euo pipefail
folder=$(mktemp -d /tmp/finding-XXXX)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q torch==2.13.0 numpy==2.1.3 onnx==1.23.2 onnxscript==0.7.2
"$folder/env/bin/python" -W error::UserWarning - <<'PY'
import sys

import torch
from torch import nn


class ByLength(nn.Module):
    def forward(self, x):
        return torch.cat([torch.zeros(1, 3).expand(len(x), 3), x], dim=1)


class ByShape(nn.Module):
    def forward(self, x):
        return torch.cat([torch.zeros(1, 3).expand(x.shape[0], 3), x], dim=1)


seen = {}
for module in (ByLength().eval(), ByShape().eval()):
    options = {"args": (torch.zeros(2, 3),), "dynamic_shapes": {"x": {0: torch.export.Dim("batch")}}}
    try:
        torch.export.export(module, **options)
        exported = "exported"
    except Exception as error:
        exported = type(error).__name__
    program = torch.onnx.export(module, **options, dynamo=True, verbose=False)
    (axis, _) = program.model_proto.graph.input[0].type.tensor_type.shape.dim
    seen[type(module).__name__] = exported, axis.dim_param or axis.dim_value
    print(f"{type(module).__name__}: torch.export {exported}; batch of the ONNX model: {axis.dim_param or axis.dim_value}")
sys.exit(seen != {"ByLength": ("UserError", 2), "ByShape": ("exported", "batch")} and "changed")
PY
