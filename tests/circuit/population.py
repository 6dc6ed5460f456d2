"""The distribution of a population's features in closed form, for tests against samples."""

import numpy as np
from scipy.special import roots_hermitenorm
from scipy.stats import norm

from synaptogen.model.polynomial import poly


def feature_cdf(params, feature, nodes=60):
    """Distribution function of a feature of a stationary cell, on the feature's own scale (R_HRS: log10).

    y = mu + |sigma| Gamma(x) with x ~ N(0, var) and (mu, sigma) from a mixture: given sigma and x, y is normal in each
    component. Gauss-Hermite sums over sigma and x.
    """
    z, weight = roots_hermitenorm(nodes)
    weight = weight / weight.sum()
    x = np.clip(z * np.sqrt(params.autocovariance(0)[0, feature, feature]), *params.x_range[feature])
    shape = poly(tuple(params.quantile[feature]), x)
    population = params.population
    parts = []
    for share, mean, factor in zip(population.weights, population.means, population.cholesky, strict=True):
        at = [feature, 4 + feature]
        (m, s), ((mm, ms), (_, ss)) = mean[at], (factor @ factor.T)[np.ix_(at, at)]
        sigma = s + np.sqrt(ss) * z
        centre = m + ms / np.sqrt(ss) * z
        sigma = np.exp(sigma) if population.sigma_scale == "log" else np.abs(sigma)
        parts.append((share, centre[:, None] + sigma[:, None] * shape, np.sqrt(mm - ms**2 / ss)))

    def cdf(y):
        y = np.asarray(y, float)[..., None, None]
        return (
            sum(
                share * np.einsum("i,j,...ij", weight, weight, norm.cdf((y - centre) / width))
                for share, centre, width in parts
            )
            / population.weights.sum()
        )

    return cdf
