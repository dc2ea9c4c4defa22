"""Random networks: what the machine computes equals the interpreter, bit for bit."""

import pytest

SEEDS = range(60)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_network(seed, configs, random_network, assert_equal):
    """The machines take turns; a failure repeats with its seed."""
    names = list(configs)
    config = configs[names[seed % len(names)]]
    channels = (20, 20, 40, 9)[seed // len(names) % 4]
    assert_equal(random_network(seed, channels=channels), config, seed)
