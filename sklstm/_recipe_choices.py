"""Choices of the recipe by horizon and seasons: see "The recipe" in the docs."""

from math import ceil

__all__ = [
    "LONGEST_OF_THETA",
    "LONGEST_OF_TREES",
    "choose_differences",
    "choose_lr",
    "choose_n_estimators",
    "choose_offset",
    "choose_weights_beside_mlp",
    "choose_window",
]

# Rows of a season that usually comes with short series.
_SHORT_SEASON = 24

# Rows of the longest season with which the Theta method, and trees, were seen to help.
LONGEST_OF_THETA = 12
LONGEST_OF_TREES = 52

# The largest weights of partners beside a perceptron.
_BESIDE_MLP = {"theta_weight": 0.3, "tree_weight": 0.2, "mlp_weight": 0.4}


def choose_window(longest, horizon):
    """The rows of a window: a few seasons, since the state needs time to settle."""
    size = max(ceil(1.25 * longest), horizon + 2)
    if longest > 1:
        size = max(size, 36, min(ceil(2.5 * longest), 130))
    return size


def choose_offset(longest):
    """The share of its mean that is added to a series before the logarithm.

    Short seasons usually come with short series, whose level changes little; a softer
    logarithm suits them better.
    """
    return 0.1 if longest > _SHORT_SEASON else 1.0


def choose_lr(window_size):
    """The learning rate: it grows with the square root of the rows of a batch.

    The chunks of a batch grow with the window, and a larger batch has a less noisy
    gradient.
    """
    return 3e-3 * max(1.0, window_size / 36) ** 0.5


def choose_n_estimators(partners):
    """The number of networks: one beside methods that do what further networks would.

    Parameters
    ----------
    partners : collection of str
        The parameters that give their weights.
    """
    return 1 if {"theta_weight", "mlp_weight"}.intersection(partners) else 3


def choose_weights_beside_mlp(given):
    """The weights of partners, one of which is a perceptron.

    Parameters
    ----------
    given : dict of str to (float or "auto")
        By parameter.

    Returns
    -------
    dict of str to (float or tuple)
        Numbers stay; "auto" has a largest weight. The networks keep at least a third of
        what the numbers leave.
    """
    left = 1 - sum(weight for weight in given.values() if weight != "auto")
    largest = {name: _BESIDE_MLP[name] for name in given if given[name] == "auto"}
    share = min(1.0, 2 / 3 * left / max(sum(largest.values()), 1e-12))
    return {
        name: ("auto", share * largest[name]) if weight == "auto" else weight
        for name, weight in given.items()
    }


def choose_differences(periods):
    """The differences that the network reads: row to row, and over each season.

    A season of more than 24 rows comes with series that are long enough to learn from
    the spans between as well: powers of two.
    """
    longest = max(periods)
    is_long = longest > _SHORT_SEASON
    powers = [2**i for i in range(longest.bit_length())] if is_long else [1]
    return sorted({*powers, *periods})
