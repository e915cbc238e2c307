"""Groups of values and regions for the tests of statistics."""

import math

import numpy as np

from analysis.statistics import Region

INF = math.inf


def lower_by(margin):
    return Region(-INF, -margin)


def higher_by(margin):
    return Region(margin, INF)


def within(margin):
    return Region(-margin, margin)


def normal(n, mean=0.0, seed=0, spread=1.0):
    return np.random.default_rng(seed).normal(mean, spread, n)
