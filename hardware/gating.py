"""A rewriting of generated Verilog that makes its simulation skip registers that do not change.

Amaranth writes a register with an enable as a process that computes its next value and another
that stores it, and all that leads to the value as assignments beside. Verilator evaluates these in
every cycle. Here whatever serves only registers with one common enable moves into one clocked
process, behind the enable:

    assign t = a + b;
    always @* begin next = q; if (enable) begin next = t; end end
    always @(posedge clk) q <= next;
->
    always @(posedge clk) if (enable) begin t = a + b; next = q; next = t; q <= next; end

The registers hold the same values in every cycle. For synthesis nothing is gained.
"""

import re
from collections import defaultdict
from dataclasses import dataclass

__all__ = ["gate_registers"]

_NAME = re.compile(r"(?<!['\w\\$])(\\\S+|[A-Za-z_][\w$]*)")
_MODULE = re.compile(r"^module .*?^endmodule$", re.DOTALL | re.MULTILINE)
_ASSIGN = re.compile(r"^  assign (\\\S+|[A-Za-z_][\w$]*)\s* = (.*);$", re.DOTALL)
_STORE = re.compile(r"^  always @\(posedge clk\)\n    (\\\S+|\w[\w$]*)\s* <= (\\\S+|\w[\w$]*)\s*;$")
_SET = re.compile(r"^\s+(\\\S+|[A-Za-z_][\w$]*)\s* = (.*);$")
_IF = re.compile(r"^    (?:end else )?if \((.*)\) begin$")
_WIRE = re.compile(r"^  wire( signed)?( \[[^\]]*\])? (\\\S+|[A-Za-z_][\w$]*)\s*;$")
_DECLARATION = re.compile(r"^(module|  (input|output|inout|wire|reg)) ")
# Only there so that the process runs once at the start.
_TRIGGER = re.compile(r"^    if \(\\\$auto\$verilog_backend\S+ ?\) begin end\n", re.MULTILINE)
_PROCESS = "  always @* begin\n"


@dataclass
class _Statement:
    """One statement of a module.

    Attributes
    ----------
    text : str
    target : str or None, the one name that it sets, whole, as a function of what it reads
    body : str, what sets the target, as statements of a process
    reads : set of str, every name in it but the target
    """

    text: str
    target: str | None = None
    body: str = ""
    reads: frozenset[str] = frozenset()


@dataclass
class _Register:
    """A register that keeps its value where a condition does not hold.

    Attributes
    ----------
    name, following : str, the register and its next value
    condition : str
    store, compute : int, the statements that store and compute it
    """

    name: str
    following: str
    condition: str
    store: int
    compute: int


def gate_registers(verilog: str) -> str:
    """Return `verilog`, as Amaranth writes it, with registers behind their enables."""
    return _MODULE.sub(lambda match: _gate_module(match.group()), verilog)


def _gate_module(text: str) -> str:
    statements = [_parse(chunk) for chunk in _split(text)]
    readers = defaultdict(set)
    setters = {}
    for number, statement in enumerate(statements):
        for name in statement.reads:
            readers[name].add(number)
        if statement.target is not None:
            setters[statement.target] = number
    groups = defaultdict(list)
    for register in _registers(statements, readers, setters):
        groups[register.condition].append(register)
    ports = {
        name
        for statement in statements
        if re.match(r"  (input|output|inout) ", statement.text)
        for name in _NAME.findall(statement.text)
    }
    unread = _unread(statements, readers, ports)
    for name in readers:
        readers[name] -= unread.keys()
    moved: set[str] = set()
    for condition, registers in groups.items():
        kept = ports | set(_NAME.findall(condition))
        served = _serving(registers, statements, readers, setters, kept)
        _move(condition, registers, served, statements)
        moved.update(statements[number].target for number in served)
        moved.update(register.following for register in registers)
    for number in reversed(unread):
        # A name for what is now computed only behind an enable.
        if statements[number].reads & moved:
            moved.add(statements[number].target)
            statements[number].text = ""
    return "\n".join(_declare(statement.text, moved) for statement in statements if statement.text)


def _split(text: str) -> list[str]:
    """Return the statements of a module, each with its lines, the first and last included."""
    chunks: list[str] = []
    inside = ""
    for line in text.split("\n"):
        if inside:
            chunks[-1] += "\n" + line
            if line == inside:
                inside = ""
        elif line.startswith("    ") and chunks and "always" in chunks[-1]:
            chunks[-1] += "\n" + line
        else:
            chunks.append(line)
            if line.startswith("  ") and line.endswith("begin"):
                inside = "  end"
            elif line.startswith("  ") and line.endswith("("):
                inside = "  );"
    return chunks


def _parse(text: str) -> _Statement:
    if match := _ASSIGN.match(text):
        target, value = match.groups()
        return _Statement(text, target, f"      {target}  = {value};\n", _names(value))
    if text.startswith(_PROCESS):
        body = _TRIGGER.sub("", text.removeprefix(_PROCESS)).removesuffix("  end")
        first = _SET.match(body.split("\n")[0])
        sets = [match for match in map(_SET.match, body.split("\n")) if match]
        alone = first and all(match[1] == first[1] for match in sets)
        # A line that sets part of the target matches nothing: the whole target comes first.
        if alone and " <= " not in body.replace(first[0], ""):
            return _Statement(text, first[1], body, _names(body) - {first[1]})
    if _DECLARATION.match(text):
        return _Statement(text)
    return _Statement(text, reads=_names(text))


def _names(text: str) -> frozenset[str]:
    return frozenset(_NAME.findall(text))


def _unread(statements, readers, ports):
    """Return the statements that set what nothing reads, each before those that it reads."""
    unread: dict[int, None] = {}
    grown = True
    while grown:
        found = {
            number
            for number, statement in enumerate(statements)
            if statement.target is not None
            and statement.target not in ports
            and number not in unread
            and readers[statement.target] <= unread.keys()
        }
        unread |= dict.fromkeys(sorted(found))
        grown = bool(found)
    return unread


def _registers(statements, readers, setters):
    """Yield the registers stored from a process that does nothing without its conditions."""
    for store, statement in enumerate(statements):
        match = _STORE.match(statement.text)
        if not match or match[2] not in setters or readers[match[2]] != {store}:
            continue
        name, following = match.groups()
        compute = setters[following]
        first, _, rest = statements[compute].body.partition("\n")
        conditions = _conditions(rest)
        if conditions and (default := _SET.match(first)) and default[2].strip() == name:
            yield _Register(name, following, " || ".join(conditions), store, compute)


def _conditions(body):
    """Return the conditions under one of which a process does anything, or nothing at all."""
    conditions = []
    for line in body.split("\n"):
        if not line.startswith("    ") or line[4] == " " or line == "    end":
            continue
        match = _IF.match(line)
        if not match:
            return ()
        conditions.append(f"({match[1].strip()} )")
    return tuple(dict.fromkeys(conditions))


def _serving(registers, statements, readers, setters, kept):
    """Return the statements that serve only these registers, each after those that it reads."""
    group = {register.compute for register in registers}
    served: set[int] = set()
    pending = list(group)
    while pending:
        for name in statements[pending.pop()].reads:
            number = setters.get(name)
            if number is None or number in served or name in kept:
                continue
            if readers[name] <= group | served:
                served.add(number)
                pending += group | served
    ordered: dict[int, None] = {}

    def visit(number):
        if number in served and number not in ordered:
            for name in sorted(statements[number].reads):
                visit(setters.get(name))
            ordered[number] = None

    for number in sorted(served):
        visit(number)
    return list(ordered)


def _move(condition, registers, served, statements):
    """Put what `served` and the registers do behind the condition."""
    lines = [f"  always @(posedge clk)\n    if ({condition}) begin\n"]
    for number in served:
        lines.append(statements[number].body)
        statements[number].text = ""
    for register in registers:
        body = statements[register.compute].body
        lines += [body, f"      {register.name}  <= {register.following} ;\n"]
        statements[register.compute].text = ""
    statements[registers[0].store].text = "".join(lines) + "    end"
    for register in registers[1:]:
        statements[register.store].text = ""


def _declare(text, moved):
    """Return a declaration, of a variable where a process now sets it."""
    match = _WIRE.match(text)
    if match and match[3] in moved:
        return text.replace("wire", "reg", 1)
    return text
