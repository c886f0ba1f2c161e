"""`python -m galop.tuning.convert_process SOURCE TARGET FTYPE NUM_THREADS`.

Exits with 0; or with 1, and the reason is the last line on stderr.
"""

from __future__ import annotations

import signal
import sys

from galop.backends.llama.library import last_errors, llama


def main() -> None:
    """Convert the file that the arguments name."""
    # Ctrl-C goes to all processes of the group. It ends this one at once, not after the conversion.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    source, target, ftype, num_threads = sys.argv[1:]
    params = llama.llama_model_quantize_default_params()
    params.ftype = int(ftype)
    params.nthread = int(num_threads)
    params.allow_requantize = True
    if llama.llama_model_quantize(source.encode(), target.encode(), params) != 0:
        reason = last_errors[-1] if last_errors else "llama.cpp gave no reason"
        sys.exit(reason.splitlines()[-1])


if __name__ == "__main__":
    main()
