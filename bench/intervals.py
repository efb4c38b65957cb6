"""Intervals and tests that the tables of docs/evidence.md give beside their figures. Standard library only."""
import itertools
import math
import random
import statistics

T_975 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 14: 2.145, 19: 2.093, 24: 2.064}


def mean_interval(values):
    """Mean and half width of its 95 % interval by Student's t; no width (nan) of a single value."""
    n = len(values)
    mean = sum(values) / n
    if n < 2:
        return mean, float("nan")
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1))
    t = T_975[max(k for k in T_975 if k <= n - 1)]
    return mean, t * deviation / math.sqrt(n)


def wilson(right, n):
    """95 % interval of a share."""
    z, p = 1.96, right / n
    centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)


def mcnemar(a, b):
    """Exact two-sided p over samples that exactly one of the two gets right."""
    only_a = sum(1 for k in a if k in b and a[k] and not b[k])
    only_b = sum(1 for k in a if k in b and b[k] and not a[k])
    n = only_a + only_b
    if n == 0:
        return 1.0
    tail = sum(math.comb(n, i) for i in range(min(only_a, only_b) + 1)) / 2 ** n
    return min(1.0, 2 * tail)


def ratio_of_medians(pairs, draws=2000):
    """Of rounds [(values of one side, values of the other), …]: the ratio of the medians over all values, and its 95 % interval; rounds are drawn, then values within them."""
    median = lambda parts: statistics.median(itertools.chain.from_iterable(parts))
    value = median(a for a, _ in pairs) / median(b for _, b in pairs)
    rng, found = random.Random(0), []
    for _ in range(draws):
        drawn = [pairs[rng.randrange(len(pairs))] for _ in pairs]
        found.append(median(rng.choices(a, k=len(a)) for a, _ in drawn) / median(rng.choices(b, k=len(b)) for _, b in drawn))
    found.sort()
    return value, found[int(0.025 * draws)], found[int(0.975 * draws)]


# ---- as cells of a table ----


def points(differences):
    """Shares' paired differences in percentage points: "+0.4 [-0.2, +1.0]"."""
    mean, half = mean_interval([100 * d for d in differences])
    return f"{mean:+.1f}" if math.isnan(half) else f"{mean:+.1f} [{mean - half:+.1f}, {mean + half:+.1f}]"


def percent(shares):
    """Mean and deviation of shares: "95.2 ± 0.4 %"."""
    deviation = f" ± {100 * statistics.stdev(shares):.1f}" if len(shares) > 1 else ""
    return f"{100 * statistics.mean(shares):.1f}{deviation} %"


def spread(values, digits=2):
    """Median and extremes: "0.41 (0.39 to 0.44)"."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
