"""Rules of the text format for the definitions of a module.

::

    module  ::= version { "def" GLOBAL func | typedef | "extern" typedef } [metadata]
    typedef ::= "type" ID ["[" ID,* "]"] ["{" constructor,* "}"]
    constructor ::= ID ["(" type,* ")"]
"""

from ..ir.data import ConstructorData, TypeData
from ..ir.module import Module
from ..ir.nodes import Function
from ..ops.registry import find
from .cursor import Cursor, shortened, suggestion
from .expressions import Expressions
from .leaves import Leaves
from .trampoline import run

__all__ = ["Definitions"]


class Definitions:
    """Reads the definitions of a module.

    Parameters
    ----------
    cursor : Cursor
    leaves : Leaves
    library : Module
        Definitions that the text may use.
    """

    def __init__(self, cursor: Cursor, leaves: Leaves, library: Module) -> None:
        self.cursor = cursor
        self.leaves = leaves
        self.library = library
        self.data: dict[str, TypeData] = {}
        self.functions: dict[str, Function] = {}
        self._after: dict[int, int] = {}

    def read(self) -> Module:
        """Return the module of all definitions up to the end or the metadata."""
        cursor = self.cursor
        rules = Expressions(cursor, self.leaves)
        self._read_types()
        while not (cursor.at("end") or cursor.at("metadata")):
            if cursor.place in self._after:
                cursor.place = self._after[cursor.place]
                continue
            start = cursor.start
            cursor.expect("def", "'def' or 'type'")
            place = cursor.expect("global", "the function's name, as in @main,")
            name = cursor.name(place)
            if name in self.functions:
                raise cursor.error(f"@{shortened(name)} is defined twice; rename one", place)
            self.functions[name] = run(rules.function(start))
        known = [*self.functions, *self.library]
        for used, place in self.leaves.globals.items():
            if used not in self.functions and used not in self.library:
                hint = suggestion(used, known, "define it with def")
                raise cursor.error(f"there is no function @{shortened(used)}; {hint}", place)
        return Module(self.functions, self.data)

    def declare(self, data: TypeData) -> None:
        """Let the text use a data type and its constructors."""
        self.leaves.types.declared[data.name] = data
        for constructor in data.constructors:
            self.leaves.constructors[constructor.name] = len(constructor.fields)

    def _read_types(self) -> None:
        """Read all data types, wherever they stand: any may use any, and functions all."""
        cursor = self.cursor
        begin = cursor.place
        places = self._type_places()
        own = {cursor.text(place + 1) for place in places}
        for data in self.library.types.values():
            if data.name not in own:
                self.declare(data)
        self.leaves.types.declared.update(dict.fromkeys(own))
        constructors: dict[str, str] = {}
        for place in places:
            cursor.place = place
            extern = cursor.kinds[place - 1] == "extern"
            data = self._type(extern, constructors)
            self._after[place - extern] = cursor.place
            self.data[data.name] = data
            self.declare(data)
        cursor.place = begin

    def _type_places(self) -> list[int]:
        """Return the places of ``type`` outside of all braces."""
        kinds = self.cursor.kinds
        if "type" not in kinds:
            return []
        depth, places = 0, []
        for place, kind in enumerate(kinds):
            if kind == "{":
                depth += 1
            elif kind == "}":
                depth -= 1
            elif kind == "type" and depth == 0:
                places.append(place)
        return places

    def _type(self, extern: bool, constructors: dict[str, str]) -> TypeData:
        """Read a data type from ``type`` on; `constructors` collects whose each one is."""
        cursor, types = self.cursor, self.leaves.types
        start = cursor.bounds(cursor.place - extern)[0]
        cursor.expect("type")
        place = cursor.expect("word", "the name of a data type")
        name = cursor.text(place)
        if name in self.data:
            raise cursor.error(f"type {shortened(name)} is defined twice; rename one", place)
        types.check_name(name, place)
        types.params.enter()
        params = types.parameters()
        found: list[ConstructorData] = []
        if not extern and cursor.accept("{"):
            cursor.until("}", lambda: found.append(self._constructor(name, constructors)))
        elif cursor.at("{"):
            raise cursor.error(f"{name} is extern: it has no constructors; end it here", place + 1)
        types.params.leave()
        return TypeData(name, params, tuple(found), extern, span=cursor.span_from(start))

    def _constructor(self, owner: str, constructors: dict[str, str]) -> ConstructorData:
        """Read one constructor."""
        cursor, types = self.cursor, self.leaves.types
        place = cursor.expect("word", "a constructor")
        name = cursor.text(place)
        if name in constructors:
            owners = f"in {constructors[name]} and in {owner}"
            problem = f"constructor {shortened(name)} is defined twice, {owners}; rename one"
            raise cursor.error(problem, place)
        types.check_name(name, place)
        if find(name) is not None:
            raise cursor.error(f"{name} is an operator; choose another name", place)
        constructors[name] = owner
        start, _ = cursor.bounds(place)
        fields = types.tuple_fields() if cursor.accept("(") else ()
        return ConstructorData(name, fields, span=cursor.span_from(start))
