"""Every latency of the hardware that the model uses, in cycles, and where it comes from."""

from dataclasses import dataclass

__all__ = ["HARDWARE", "NEVER", "Hardware"]

# Later than any cycle.
NEVER = 1 << 62


@dataclass(frozen=True)
class Hardware:
    """Latencies and depths that are not in the configuration.

    Each was read from the source named with it and is measured on the RTL by
    tests/simulator/timing.

    Attributes
    ----------
    first_address : int, from START to the first instruction's address on the bus (supervisor.py,
        fetch.py, burst_splitter.py, windows.py)
    fetch_ahead : int, instructions asked for before the next one (fetch.INSTRUCTIONS_AHEAD)
    fetch_request : int, from an instruction's dispatch to the address of the one `fetch_ahead`
        after it on the bus (fetch.py, burst_splitter.py, windows.py)
    decode : int, from the last beat of an instruction to its dispatch (queue.py, decoder.py)
    decoder_gap : int, cycles between the beats of two instructions in which fetch takes none
    queue : int, from dispatch to start (queue.py)
    queue_extra : int, entries of a queue beyond its depth (queue.py)
    issue_in_flight : int, instructions in an engine at once (issue.IN_FLIGHT and its queue)
    sync : int, from the start of a sync to its end (issue.py)
    token : int, from an end to the start of what waits for its token (semaphores.py)
    matrix_drain : int, from the last iteration to the end (matrix.py)
    vector_pipe : int, from the start to the end of one iteration (vector_*.py)
    requantize_pipe : int, the same added by requantisation, its groups left out (requantize.py)
    vector_gap : int, from an end to the next start (vector.py)
    load_request : int, from the start to the first burst asked for (walker.py, padding.py)
    load_address : int, from there to the address on the bus (windows.py)
    load_align : int, from the start to the first chunk that needs no beat (queue.py)
    load_write : int, from the last chunk made to the end (load_aligner.py)
    load_gap : int, from the splitter taking the last run to the next start (load.py)
    store_address : int, from the start to the address on the bus (walker.py, windows.py)
    store_data : int, from there to the first beat on the bus (write_channel.py)
    store_gap : int, from the splitter taking the last run to the next start (store.py)
    writes_in_flight : int, bursts between address and answer (write_channel.WRITES_IN_FLIGHT)
    last_end : int, from the end of the last instruction to that of the program (supervisor.py)
    end_decoded : int, from the dispatch of END to the end of the program (decoder.py)
    """

    first_address: int = 6
    fetch_ahead: int = 4
    fetch_request: int = 5
    decode: int = 4
    decoder_gap: int = 2
    queue: int = 2
    queue_extra: int = 1
    issue_in_flight: int = 9
    sync: int = 2
    token: int = 1
    matrix_drain: int = 4
    vector_pipe: int = 8
    requantize_pipe: int = 7
    vector_gap: int = 1
    load_request: int = 4
    load_address: int = 2
    load_align: int = 6
    load_write: int = 1
    load_gap: int = 1
    store_address: int = 4
    store_data: int = 3
    store_gap: int = 1
    writes_in_flight: int = 16
    last_end: int = 0
    end_decoded: int = 0


HARDWARE = Hardware()
