"""Functions timed in turn, so that a busy moment of the machine meets all of them."""

import time


def interleaved(functions, rounds, calls=1, clock=time.perf_counter):
    """Times functions in turn.

    Args:
        functions: Dict from a name to a function without arguments; one call of each
            goes before the clock.
        rounds: Number of rounds, every function in each.
        calls: Calls of a function in a round, or a dict of them by name.
        clock: `time.perf_counter`, or `time.process_time` for the processor's time,
            which other programs do not lengthen.

    Returns:
        Dict from a name to a list of seconds, one a call.
    """
    for function in functions.values():
        function()
    seconds = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            for _ in range(calls[name] if isinstance(calls, dict) else calls):
                started = clock()
                function()
                seconds[name].append(clock() - started)
    return seconds
