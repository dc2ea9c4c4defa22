"""The tensors of the metadata section: damaged ones are refused."""

import doctest
import re

import pytest

from compiler.text import literals, metadata, names, trampoline

GOOD = '{"dtype": "int8", "shape": [3], "data": "AQEB"}'


@pytest.mark.parametrize(
    "text, message",
    [
        ("[]", 'the metadata must be {"relay.Constant": [...], ...}'),
        ('{"relay.Constant": 3}', 'the metadata must be {"relay.Constant": [...], ...}'),
        ('{"relay.Constant": [3]}', "tensor 0 of the metadata must have dtype, shape and data"),
        (GOOD.replace("int8", "int7"), "tensor 0 of the metadata has the unknown dtype 'int7'"),
        (GOOD.replace("[3]", "[-3]"), "tensor 0 of the metadata has the malformed shape [-3]"),
        (GOOD.replace("[3]", "[true]"), "tensor 0 of the metadata has the malformed shape [True]"),
        (GOOD.replace("AQEB", "?"), "the data of tensor 0 of the metadata is not base64"),
        (GOOD.replace('"AQEB"', "3"), "the data of tensor 0 of the metadata is not base64"),
        (GOOD.replace("[3]", "[4]"), "tensor 0 of the metadata needs 4 bytes for its shape, not 3"),
    ],
)
def test_damaged(text, message):
    if "dtype" in text:
        text = f'{{"relay.Constant": [{text}]}}'
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        metadata.read_metadata(text)


@pytest.mark.parametrize("module", [literals, names, trampoline])
def test_examples_in_docstrings(module):
    result = doctest.testmod(module)
    assert result.attempted and not result.failed
