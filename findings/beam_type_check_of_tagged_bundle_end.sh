#!/usr/bin/env bash
# Beam 2.77.0, Python 3.11: --runtime_type_check refuses what a bundle's end yields to a tagged output.
#
# `finish_bundle` yields TaggedOutput("counts", WindowedValue(1, ...)), as Beam asks of tagged outputs there, and the step
# declares int. The check takes off the tag but not the window below it (typehints/typecheck.py, type_check_output: one
# `o.value`), so the WindowedValue itself is compared with int and the job fails. The main output, which has no tag, passes.
#
# Fails (exit 1) when that changes.
set -euo pipefail
folder=$(mktemp -d /tmp/finding-XXXX)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
cat >"$folder/check.py" <<'PY'
import sys

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue


class CountAtEnd(beam.DoFn):
    def process(self, element):
        yield element

    def finish_bundle(self):
        window = GlobalWindow()
        yield beam.pvalue.TaggedOutput("counts", WindowedValue(1, window.max_timestamp(), (window,)))


found = {}
for checked in (False, True):
    options = PipelineOptions(runtime_type_check=checked)
    try:
        with beam.Pipeline(runner=FnApiRunner(), options=options) as pipeline:
            step = beam.ParDo(CountAtEnd()).with_output_types(int, counts=int)
            _ = pipeline | beam.Create([1]) | step.with_outputs("counts", main="main")
        found[checked] = "passes"
    except Exception as error:
        found[checked] = str(error).splitlines()[-1]
print("beam", beam.__version__, found)
sys.exit(not (found[False] == "passes" and "WindowedValue" in found[True]))
PY
"$folder/env/bin/pip" install -q apache-beam==2.77.0
"$folder/env/bin/python" "$folder/check.py" 2>/dev/null || { echo changed; exit 1; }
