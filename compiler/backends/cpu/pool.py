"""Text of the pool of threads that a host program carries: futexes, nothing shared but its memory.

One call at a time has the pool (`busy`); others compute alone. The caller describes its job, then
publishes it with one store of `cursor`, which holds the number of the job and how many parts are
left. Whoever takes parts lowers it by compare and exchange. A thread that was held up since it read
the cursor cannot take parts of another job: the number differs, and while it does not, the job is
not done, so its description stands. The caller takes parts like everyone else and in the end waits
only for parts that others have taken; a thread that never gets to run costs nothing.

Threads wait for jobs, and the caller for the last parts, by reading for a while and then in the
kernel. `signal` changes with every job, so that a thread that read it before it found no parts does
not go to sleep after a new job came.

Threads are called tilewright.

Source: Linux man pages futex(2), prctl(2), syscall(2); system call numbers of
arch/x86/entry/syscalls and include/uapi/asm-generic/unistd.h.
"""

from isa.host import CLOSE_POOL, OPEN_POOL

__all__ = ["has_pool", "write_pool"]

# Offsets. What is written often lies in cache lines of its own.
_CURSOR, _PENDING, _WAITING, _SIGNAL, _SLEEPERS = 0, 64, 68, 128, 132
_FUNCTION, _POINTERS, _CHUNKS, _GRAIN = 192, 200, 208, 216
_BUSY, _STOP, _PROCESS, _THREADS, _HANDLES = 256, 260, 264, 268, 320

# A few 10 us, longer than most kernels that are not cut; then sleeping costs less than it saves.
_SPINS = 2000
# Parts are handed out in runs, this many a thread: when one is held up, others do its share.
_RUNS = 8

_FUTEX_WAIT_PRIVATE, _FUTEX_WAKE_PRIVATE, _EVERYONE = 128, 129, 0x7FFFFFFF

# By architecture: numbers of futex, getpid and prctl, and the instruction that waits for a moment:
# some 10 ns or more each (AArch64's yield takes no time on most CPUs, its isb does).
_SYSTEMS = {
    "x86_64": (202, 39, 157, "call void @llvm.x86.sse2.pause()"),
    "aarch64": (98, 172, 167, "call void @llvm.aarch64.isb(i32 15)"),
    "riscv64": (98, 172, 167, ""),
}
_SET_NAME, _NAME = 15, "tilewright"


def has_pool(triple: str) -> bool:
    """Return whether threads are supported: on Linux, on the architectures known here."""
    return triple.split("-")[0] in _SYSTEMS and "linux" in triple


def write_pool(triple: str) -> tuple[str, set[str]]:
    """Return the functions, and the declarations that they need.

    `@parallel(pool, function, pointers, chunks)` runs function(pointers, first, last) for all
    parts; `@is_forked(pool)` says whether the process is another than the one that opened it.
    """
    futex, process, prctl, pause = _SYSTEMS[triple.split("-")[0]]
    declarations = {
        "declare i32 @pthread_create(ptr, ptr, ptr, ptr) nounwind",
        "declare i32 @pthread_join(i64, ptr) nounwind",
        "declare i64 @syscall(i64, ...) nounwind",
        "declare i64 @llvm.umin.i64(i64, i64) nounwind",
        "declare i64 @llvm.umax.i64(i64, i64) nounwind",
    }
    if pause:
        kind = "i32" if "i32" in pause else ""
        declarations.add(f"declare {pause.split('(')[0].removeprefix('call ')}({kind})")
    parts = (
        _system(futex, process),
        _open(),
        _close(),
        _parallel(),
        _publish(),
        _finish(pause),
        _drain(),
        _work(prctl, pause),
    )
    return "\n".join(parts), declarations


def _at(name: str, offset: int) -> str:
    """Return the instruction that computes the address of a member of the pool."""
    return f"%{name} = getelementptr i8, ptr %pool, i64 {offset}"


def _system(futex: int, process: int) -> str:
    wait = f"i64 {futex}, ptr %word, i64 {_FUTEX_WAIT_PRIVATE}, i64 %wide, ptr null"
    wake = f"i64 {futex}, ptr %word, i64 {_FUTEX_WAKE_PRIVATE}, i64 {_EVERYONE}"
    return f"""
define internal void @sleep_while(ptr %word, i32 %value) nounwind {{
  %wide = zext i32 %value to i64
  %r = call i64 (i64, ...) @syscall({wait})
  ret void
}}
define internal void @wake(ptr %word) nounwind {{
  %r = call i64 (i64, ...) @syscall({wake})
  ret void
}}
define internal i32 @process() nounwind {{
  %wide = call i64 (i64, ...) @syscall(i64 {process})
  %number = trunc i64 %wide to i32
  ret i32 %number
}}
define internal i1 @is_forked(ptr %pool) nounwind {{
entry:
  %none = icmp eq ptr %pool, null
  br i1 %none, label %no, label %compare
compare:
  {_at("process.at", _PROCESS)}
  %opened = load i32, ptr %process.at, align 4
  %here = call i32 @process()
  %other = icmp ne i32 %opened, %here
  ret i1 %other
no:
  ret i1 false
}}"""


def _clear() -> str:
    """Return the instructions that set everything that is read before it is written to 0."""
    lines = []
    for number, offset in enumerate((_CURSOR, _WAITING, _SIGNAL, _SLEEPERS, _BUSY, _STOP)):
        lines += [f"  {_at(f'zero{number}', offset)}", f"  store i64 0, ptr %zero{number}, align 4"]
    return "\n".join(lines)


def _open() -> str:
    return f"""
define i32 @{OPEN_POOL}(ptr %pool, i32 %threads) nounwind {{
entry:
{_clear()}
  {_at("process.at", _PROCESS)}
  %here = call i32 @process()
  store i32 %here, ptr %process.at, align 4
  {_at("threads.at", _THREADS)}
  {_at("handles", _HANDLES - 8)}
  br label %more
more:
  %number = phi i32 [1, %entry], [%next, %start]
  store atomic i32 %number, ptr %threads.at monotonic, align 4
  %enough = icmp sge i32 %number, %threads
  br i1 %enough, label %opened, label %start
start:
  %wide = zext i32 %number to i64
  %handle = getelementptr i64, ptr %handles, i64 %wide
  %error = call i32 @pthread_create(ptr %handle, ptr null, ptr @work, ptr %pool)
  %next = add i32 %number, 1
  %good = icmp eq i32 %error, 0
  br i1 %good, label %more, label %failed
failed:
  call void @{CLOSE_POOL}(ptr %pool)
  ret i32 %error
opened:
  ret i32 0
}}"""


def _close() -> str:
    return f"""
define void @{CLOSE_POOL}(ptr %pool) nounwind {{
entry:
  {_at("stop.at", _STOP)}
  {_at("signal.at", _SIGNAL)}
  {_at("threads.at", _THREADS)}
  {_at("handles", _HANDLES - 8)}
  %forked = call i1 @is_forked(ptr %pool)
  br i1 %forked, label %closed, label %stop
stop:
  store atomic i32 1, ptr %stop.at seq_cst, align 4
  %signal = atomicrmw add ptr %signal.at, i32 1 seq_cst
  call void @wake(ptr %signal.at)
  %threads = load atomic i32, ptr %threads.at monotonic, align 4
  br label %more
more:
  %number = phi i32 [1, %stop], [%next, %join]
  %all = icmp sge i32 %number, %threads
  br i1 %all, label %joined, label %join
join:
  %wide = zext i32 %number to i64
  %handle = getelementptr i64, ptr %handles, i64 %wide
  %thread = load i64, ptr %handle, align 8
  %r = call i32 @pthread_join(i64 %thread, ptr null)
  %next = add i32 %number, 1
  br label %more
joined:
  store atomic i32 1, ptr %threads.at monotonic, align 4
  br label %closed
closed:
  ret void
}}"""


def _parallel() -> str:
    return f"""
define internal void @parallel(ptr %pool, ptr %function, ptr %pointers, i64 %chunks) nounwind {{
entry:
  {_at("busy.at", _BUSY)}
  %none = icmp eq ptr %pool, null
  br i1 %none, label %alone, label %enter
enter:
  %entered = cmpxchg ptr %busy.at, i32 0, i32 1 seq_cst seq_cst
  %free = extractvalue {{i32, i1}} %entered, 1
  br i1 %free, label %share, label %alone
alone:
  call void %function(ptr %pointers, i64 0, i64 %chunks)
  ret void
share:
  call void @publish(ptr %pool, ptr %function, ptr %pointers, i64 %chunks)
  call void @drain(ptr %pool)
  call void @finish(ptr %pool)
  store atomic i32 0, ptr %busy.at seq_cst, align 4
  ret void
}}"""


def _publish() -> str:
    return f"""
define internal void @publish(ptr %pool, ptr %function, ptr %pointers, i64 %chunks) nounwind {{
entry:
  {_at("pending.at", _PENDING)}
  {_at("signal.at", _SIGNAL)}
  {_at("sleepers.at", _SLEEPERS)}
  {_at("function.at", _FUNCTION)}
  {_at("pointers.at", _POINTERS)}
  {_at("chunks.at", _CHUNKS)}
  {_at("grain.at", _GRAIN)}
  {_at("threads.at", _THREADS)}
  %threads = load atomic i32, ptr %threads.at monotonic, align 4
  %runs = mul i32 %threads, {_RUNS}
  %runs.wide = zext i32 %runs to i64
  %even = udiv i64 %chunks, %runs.wide
  %grain = call i64 @llvm.umax.i64(i64 %even, i64 1)
  store atomic ptr %function, ptr %function.at monotonic, align 8
  store atomic ptr %pointers, ptr %pointers.at monotonic, align 8
  store atomic i64 %chunks, ptr %chunks.at monotonic, align 8
  store atomic i64 %grain, ptr %grain.at monotonic, align 8
  %count = trunc i64 %chunks to i32
  store atomic i32 %count, ptr %pending.at monotonic, align 4
  %before = load atomic i64, ptr %pool monotonic, align 8
  %job = add i64 %before, {1 << 32}
  %cursor = or i64 %job, %chunks
  store atomic i64 %cursor, ptr %pool seq_cst, align 8
  %signal = atomicrmw add ptr %signal.at, i32 1 seq_cst
  %sleepers = load atomic i32, ptr %sleepers.at seq_cst, align 4
  %awake = icmp eq i32 %sleepers, 0
  br i1 %awake, label %published, label %rouse
rouse:
  call void @wake(ptr %signal.at)
  br label %published
published:
  ret void
}}"""


def _finish(pause: str) -> str:
    return f"""
define internal void @finish(ptr %pool) nounwind {{
entry:
  {_at("pending.at", _PENDING)}
  {_at("waiting.at", _WAITING)}
  br label %spin
spin:
  %tries = phi i32 [0, %entry], [%more, %again]
  %pending = load atomic i32, ptr %pending.at seq_cst, align 4
  %done = icmp eq i32 %pending, 0
  br i1 %done, label %leave, label %again
again:
  {pause}
  %more = add i32 %tries, 1
  %patient = icmp ult i32 %more, {_SPINS}
  br i1 %patient, label %spin, label %drowse
drowse:
  store atomic i32 1, ptr %waiting.at seq_cst, align 4
  br label %check
check:
  %rest = load atomic i32, ptr %pending.at seq_cst, align 4
  %finished = icmp eq i32 %rest, 0
  br i1 %finished, label %rested, label %sleep
sleep:
  call void @sleep_while(ptr %pending.at, i32 %rest)
  br label %check
rested:
  store atomic i32 0, ptr %waiting.at seq_cst, align 4
  br label %leave
leave:
  ret void
}}"""


def _drain() -> str:
    return f"""
define internal void @drain(ptr %pool) nounwind {{
entry:
  {_at("pending.at", _PENDING)}
  {_at("waiting.at", _WAITING)}
  {_at("function.at", _FUNCTION)}
  {_at("pointers.at", _POINTERS)}
  {_at("chunks.at", _CHUNKS)}
  {_at("grain.at", _GRAIN)}
  br label %look
look:
  %cursor = load atomic i64, ptr %pool seq_cst, align 8
  %left = and i64 %cursor, {(1 << 32) - 1}
  %empty = icmp eq i64 %left, 0
  br i1 %empty, label %leave, label %take
take:
  %function = load atomic ptr, ptr %function.at monotonic, align 8
  %pointers = load atomic ptr, ptr %pointers.at monotonic, align 8
  %chunks = load atomic i64, ptr %chunks.at monotonic, align 8
  %grain = load atomic i64, ptr %grain.at monotonic, align 8
  %size = call i64 @llvm.umin.i64(i64 %grain, i64 %left)
  %rest = sub i64 %cursor, %size
  %taken = cmpxchg ptr %pool, i64 %cursor, i64 %rest seq_cst seq_cst
  %won = extractvalue {{i64, i1}} %taken, 1
  br i1 %won, label %run, label %look
run:
  %first = sub i64 %chunks, %left
  %last = add i64 %first, %size
  call void %function(ptr %pointers, i64 %first, i64 %last)
  %count = trunc i64 %size to i32
  %before = atomicrmw sub ptr %pending.at, i32 %count seq_cst
  %done = icmp eq i32 %before, %count
  br i1 %done, label %finished, label %look
finished:
  %waiting = load atomic i32, ptr %waiting.at seq_cst, align 4
  %nobody = icmp eq i32 %waiting, 0
  br i1 %nobody, label %look, label %report
report:
  call void @wake(ptr %pending.at)
  br label %look
leave:
  ret void
}}"""


def _work(prctl: int, pause: str) -> str:
    return f"""
@thread.name = private constant [{len(_NAME) + 1} x i8] c"{_NAME}\\00"
define internal ptr @work(ptr %pool) nounwind {{
entry:
  {_at("signal.at", _SIGNAL)}
  {_at("sleepers.at", _SLEEPERS)}
  {_at("stop.at", _STOP)}
  %r = call i64 (i64, ...) @syscall(i64 {prctl}, i64 {_SET_NAME}, ptr @thread.name)
  br label %awake
awake:
  call void @drain(ptr %pool)
  br label %spin
spin:
  %tries = phi i32 [0, %awake], [%more, %again]
  %signal = load atomic i32, ptr %signal.at seq_cst, align 4
  %stop = load atomic i32, ptr %stop.at seq_cst, align 4
  %on = icmp eq i32 %stop, 0
  br i1 %on, label %look, label %leave
look:
  %cursor = load atomic i64, ptr %pool seq_cst, align 8
  %left = and i64 %cursor, {(1 << 32) - 1}
  %empty = icmp eq i64 %left, 0
  br i1 %empty, label %again, label %awake
again:
  {pause}
  %more = add i32 %tries, 1
  %patient = icmp ult i32 %more, {_SPINS}
  br i1 %patient, label %spin, label %sleep
sleep:
  %s = atomicrmw add ptr %sleepers.at, i32 1 seq_cst
  call void @sleep_while(ptr %signal.at, i32 %signal)
  %t = atomicrmw sub ptr %sleepers.at, i32 1 seq_cst
  br label %awake
leave:
  ret ptr null
}}"""
