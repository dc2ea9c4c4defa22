"""Tokens: numbers, names, comments, and what is refused."""

import re

import numpy as np
import pytest

from compiler.errors import ParseError
from compiler.text.lexer import tokens
from compiler.text.numbers import read_number
from compiler.text.source import Source


def read(text):
    found = tokens(Source(text, "t"))
    places = zip(found.kinds, found.starts, found.ends, strict=True)
    return [(kind, text[start:end]) for kind, start, end in places if kind != "end"]


def number(text):
    assert [kind for kind, _ in read(text)] == ["number"]
    return read_number(Source(text, "t"), 0, len(text))


@pytest.mark.parametrize(
    "text, dtype, value",
    [
        ("1", "int32", 1),
        ("--10", "int32", 10),
        ("-2147483648", "int32", -(2**31)),
        ("2147483648", "int64", 2**31),
        ("42i64", "int64", 42),
        ("-3i16", "int16", -3),
        ("3f", "float32", 3.0),
        ("3f16", "float16", 3.0),
        ("1e-05f64", "float64", 1e-5),
        ("1.5e+3f", "float32", 1500.0),
        ("2.f", "float32", 2.0),
        ("65504f16", "float16", 65504.0),
        ("inff", "float32", np.inf),
        ("-inff", "float32", -np.inf),
    ],
)
def test_numbers(text, dtype, value):
    found = number(text)
    assert found.dtype == dtype and found == value


@pytest.mark.parametrize(
    "text, message",
    [
        ("1.0", "1.0: a floating-point literal must end in f; write 1.0f"),
        ("1e5", "1e5: a floating-point literal must end in f; write 1e5f"),
        ("1-1", "1-1 is no number; put spaces around a binary + or -"),
        ("1.2.3f", "1.2.3f is no number; check it"),
        ("2147483648i32", "2147483648i32 does not fit into int32"),
        ("9223372036854775808", "9223372036854775808 does not fit into int64"),
        ("65505f16", "65505f16 does not fit into float16"),
        ("4e38f", "4e38f does not fit into float32"),
        ("1f8", "1f8: a float has 16, 32 or 64 bits, not 8"),
        ("1i8", "1i8: an integer has 16, 32 or 64 bits, not 8"),
        ("1.5i32", "1.5i32: an integer has no fraction or exponent"),
        ("/* /* */", "this comment is not closed; write */"),
        ('"abc', 'this string is not closed; write "'),
        ("a\rb", "a carriage return must be followed by a line feed"),
        ("%", "a name or number must follow %"),
        ("#x", 'only #[version = "..."] and #[metadata] begin with #'),
        ("$", "'$' means nothing here"),
    ],
)
def test_malformed_tokens(text, message):
    with pytest.raises(ParseError, match=rf"^t:1:\d+: {re.escape(message)}\n"):
        tokens(Source(text, "t"))


def test_names_keep_slashes_and_end_at_dots():
    assert read("%base/x nn.relu @main %12") == [
        ("local", "%base/x"),
        ("dotted", "nn.relu"),
        ("global", "@main"),
        ("graph", "%12"),
    ]
    assert read("nn . relu x.0") == [
        ("word", "nn"),
        (".", "."),
        ("word", "relu"),
        ("word", "x"),
        (".", "."),
        ("number", "0"),
    ]
    assert read("let lets match? match") == [
        ("let", "let"),
        ("word", "lets"),
        ("match?", "match?"),
        ("match", "match"),
    ]


def test_comments_nest_and_strings_have_no_escapes():
    assert read('1 /* a /* b */ c */ 2 // 3\r\n"x\\"') == [
        ("number", "1"),
        ("number", "2"),
        ("string", '"x\\"'),
    ]


def test_metadata_takes_the_rest():
    assert read("()\n#[metadata]\n{ $ }") == [
        ("(", "("),
        (")", ")"),
        ("metadata", "#[metadata]\n{ $ }"),
    ]


def test_a_place_in_the_text():
    source = Source("one\ntwo three\n", "net.relay")
    span = source.span(8, 13)
    assert (str(span), span.end_line, span.end_column) == ("net.relay:2:5", 2, 10)
    assert span.excerpt() == "    two three\n        ^"


def test_a_long_line_is_shortened_around_the_place():
    source = Source("x" * 500 + "!" + "y" * 500, "t")
    line, caret = source.span(500, 501).excerpt().split("\n")
    assert len(line) == 104 and line[caret.index("^")] == "!"
