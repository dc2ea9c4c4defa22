"""`make demo`, as a newcomer sees it."""

import re

import pytest

from examples.digits.demo import main


@pytest.mark.verilator
def test_the_demo_classifies_and_agrees(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    printed = capsys.readouterr().out
    assert "The three devices agree bit for bit: yes" in printed
    rows = re.findall(r"^(cpu|functional|verilator) +449 +([\d.]+)%$", printed, re.MULTILINE)
    assert [name for name, _ in rows] == ["cpu", "functional", "verilator"]
    assert all(float(share) >= 95 for _, share in rows)
    assert re.search(r"^total +108,864 +[\d,]+ +[\d.]+ % +[\d,]+", printed, re.MULTILINE)
