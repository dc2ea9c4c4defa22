"""Random numbers: known answers, moments, and that keys decide everything."""

import numpy as np
import pytest

from compiler.ops.random import threefry

KEY = np.arange(10, dtype="uint64")


def test_threefry_gives_the_published_words():
    """Random123's known answers for threefry4x64, 20 rounds: all zeros, all ones."""
    zeros, ones = np.zeros(4, "uint64"), np.full(4, 2**64 - 1, "uint64")
    assert [f"{word:016x}" for word in threefry(zeros, zeros[None])[0]] == [
        "09218ebde6c85537",
        "55941f5266d86105",
        "4bd25e16282434dc",
        "ee29ec846bd2e40b",
    ]
    assert [f"{word:016x}" for word in threefry(ones, ones[None])[0]] == [
        "29c24097942bba1b",
        "0371bbfb0f6f4e11",
        "3c231ffa33f83a1c",
        "cd29113fde32d168",
    ]


def test_the_next_key_continues(apply):
    following, words = apply("random.threefry_generate", KEY, out_shape=[2, 4])
    again, same = apply("random.threefry_generate", KEY, out_shape=[2, 4])
    np.testing.assert_array_equal(words, same)
    np.testing.assert_array_equal(following, again)
    _, more = apply("random.threefry_generate", KEY, out_shape=[12])
    _, rest = apply("random.threefry_generate", following, out_shape=[4])
    np.testing.assert_array_equal(more, np.concatenate((words.reshape(-1), rest)))


def test_split_keys_are_apart(apply):
    left, right = apply("random.threefry_split", KEY)
    drawn = [
        apply("random.threefry_generate", key, out_shape=[64])[1] for key in (KEY, left, right)
    ]
    assert len(np.unique(np.concatenate(drawn))) == 3 * 64


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_and_normal_have_their_moments(dtype, apply):
    low, high = np.asarray(-1, dtype), np.asarray(3, dtype)
    _, flat = apply("random.uniform", KEY, low, high, out_shape=[100, 200])
    assert flat.dtype == dtype and flat.min() >= -1 and flat.max() < 3
    # 20,000 numbers: five standard errors.
    assert abs(flat.mean() - 1) < 5 * 4 / np.sqrt(12 * 20000)
    counts = np.histogram(flat, 16, (-1, 3))[0]
    assert np.abs(counts - 1250).max() < 5 * np.sqrt(1250)
    _, bell = apply("random.normal", KEY, low, high, out_shape=[20000])
    assert abs(bell.mean() + 1) < 5 * 3 / np.sqrt(20000)
    assert abs(bell.std() - 3) < 5 * 3 / np.sqrt(2 * 20000)
    inside = (np.abs(bell + 1) < 3).mean()
    assert abs(inside - 0.6827) < 5 * np.sqrt(0.6827 * 0.3173 / 20000)


def test_multinomial_follows_its_weights(apply):
    weights = np.float32([[1, 0, 3, 4], [0, 1, 0, 0]])
    _, drawn = apply("random.multinomial", KEY, weights, num_samples=8000)
    assert drawn.shape == (2, 8000) and drawn.dtype == np.int32
    counts = np.bincount(drawn[0], minlength=4)
    assert counts[1] == 0 and (drawn[1] == 1).all()
    assert np.abs(counts - [1000, 0, 3000, 4000]).max() < 5 * np.sqrt(2000)
