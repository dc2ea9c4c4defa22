"""Fields and formats: what is encoded comes back, and what is out of range is refused."""

import random
from enum import IntEnum

import pytest

from isa.errors import DecodeError, EncodeError
from isa.fields import Field, Format


class Colour(IntEnum):
    RED = 0
    GREEN = 1
    BLUE = 2


FORMAT = Format(
    "paint",
    (
        Field("colour", 2, "which", choices=Colour),
        Field("coats", 3, "how many", minimum=1, default=1),
        Field("tone", 4, "darker or lighter", signed=True),
        Field("level", 3, "how far", maximum=5),
        Field("rooms", 3, "where", choices=Colour, mask=True),
    ),
    32,
)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("colour", 0, 2), ("coats", 1, 8), ("tone", -8, 7), ("level", 0, 5), ("rooms", 0, 7)],
)
def test_range(name, low, high):
    field = FORMAT.field(name)
    assert (field.low, field.high) == (low, high)
    for value in range(low, high + 1):
        bits = field.encode(value)
        assert 0 <= bits < 1 << field.bits
        assert field.decode(bits) == value
    for value in (low - 1, high + 1):
        with pytest.raises(
            EncodeError, match=rf"^paint\.{name} must be in {low}\.\.{high}, not {value}$"
        ):
            FORMAT.encode({name: value})


def test_positions_follow_the_order():
    assert [FORMAT.offset(field.name) for field in FORMAT.fields] == [0, 2, 5, 9, 12]
    assert FORMAT.bits == 15
    word = FORMAT.encode({"colour": 2, "coats": 8, "tone": -1, "level": 5, "rooms": 1})
    assert word == 0b001_101_1111_111_10


def test_defaults():
    assert FORMAT.decode(FORMAT.encode({})) == {
        "colour": 0, "coats": 1, "tone": 0, "level": 0, "rooms": 0
    }  # fmt: skip


def test_unknown_field():
    for ask in (FORMAT.field, FORMAT.offset, lambda name: FORMAT.encode({name: 0})):
        with pytest.raises(EncodeError, match=r"^paint has no field 'smell'$"):
            ask("smell")


def test_reserved_bits():
    with pytest.raises(DecodeError, match=r"^paint: bits from 15 up must be zero$"):
        FORMAT.decode(1 << 15)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (3, r"^paint\.colour must be in 0\.\.2, not 3$"),
        (6 << 9, r"^paint\.level must be in 0\.\.5, not 6$"),
    ],
)
def test_value_that_does_not_exist(word, message):
    with pytest.raises(DecodeError, match=message):
        FORMAT.decode(word)


@pytest.mark.parametrize("seed", range(20))
def test_random_format(seed):
    """A format of random fields gives back random values."""
    draw = random.Random(seed)
    fields = []
    for number in range(draw.randint(1, 12)):
        bits, signed = draw.randint(1, 33), draw.random() < 0.5
        minimum = 0 if signed else draw.choice([0, 1, 5])
        fields.append(Field(f"f{number}", bits, "", signed, minimum, default=minimum))
    form = Format("random", tuple(fields), 512)
    for _ in range(20):
        values = {field.name: draw.randint(field.low, field.high) for field in fields}
        word = form.encode(values)
        assert word < 1 << form.bits
        assert form.decode(word) == values, f"seed {seed}"
