"""Algorithm 4 of Llasag Rosero et al., 2024, one number at a time."""

from collections.abc import Iterable


def kalman(measured: Iterable[float]) -> list[float]:
    """Return the filtered history of one asset, all in shares of the cap."""
    x, p, q, r = 1.0, 0.0, 1.0 / 209.0, 0.3**2
    smooth = []
    for z in measured:
        foreseen, uncertainty = x, p + q
        gain = uncertainty / (uncertainty + r)
        x = foreseen + gain * (z - foreseen)
        p = (1.0 - gain) * uncertainty
        smooth.append(x)
    return smooth
