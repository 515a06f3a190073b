"""What the programs in this folder share: comparing, and running every check before failing."""

import contextlib
import time
import traceback


def expect(actual, expected):
    assert actual == expected, f"got {actual!r}, expected {expected!r}"


@contextlib.contextmanager
def raises(kind, *parts):
    """Demands an error of `kind` whose text has every one of `parts`."""
    try:
        yield
    except kind as error:
        for part in parts:
            assert part in str(error), f"no {part!r} in {error!r}"
    else:
        raise AssertionError(f"no {kind.__name__}")


def until(condition, seconds=20):
    """Waits until `condition()` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not so after {seconds} s: {condition}"
        time.sleep(0.05)


def run(*checks):
    """Runs all of `checks`, so that one failure hides no other; raises, or prints "ok"."""
    failed = []
    for check in checks:
        try:
            check()
        except Exception:
            print(f"-- {check.__name__}")
            traceback.print_exc()
            failed.append(check.__name__)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")
    print("ok")
