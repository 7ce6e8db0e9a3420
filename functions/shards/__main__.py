"""`python -m functions.shards`: the process around `functions.shards.command`, which may be interrupted at any time."""

import os
import sys

INTERRUPTED_STATUS = 130
"""128 and SIGINT's number: what a shell reports for a program that Ctrl-C ended."""

SEE_WHAT_IS_SET = "If shards were being set, `python -m functions.shards get` shows the number that is set now."


def run() -> int:
    """Run the command line of this process and return its exit status."""
    try:
        # It is imported here because boto3 takes a while to load, and Ctrl-C may come in that time too.
        from functions.shards.command import main

        try:
            return main()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        print(f"Interrupted. {SEE_WHAT_IS_SET}", file=sys.stderr)
        return INTERRUPTED_STATUS
    except BrokenPipeError:
        # Python flushes standard output once more at its end, which must not fail a second time.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"Standard output was closed before the command was done. {SEE_WHAT_IS_SET}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(run())
