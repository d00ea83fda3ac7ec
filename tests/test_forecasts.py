"""Forecasts: what is known at an origin, the yardstick, bands, and the records."""

import numpy as np
import pytest

from lstmbook.course import experiments, forecasts
from lstmbook.course.experiments import forecasting as study
from lstmbook.course.forecasts import Windows, band, blocks, fit, load, windows


@pytest.fixture(scope="module")
def counted():
    """A series whose values are its months' numbers, so that a leak is a number."""
    return np.arange(500.0)


def test_windows_are_the_months_around_an_origin(counted):
    past, future = windows(counted, [24, 100])
    assert (past[0] == np.arange(24)).all() and (future[0] == np.arange(24, 36)).all()
    assert (past[1] == np.arange(76, 100)).all()
    assert (future[1] == np.arange(100, 112)).all()
    assert (forecasts.seasonal_naive(past)[1] == np.arange(88, 100)).all()


def test_blocks_follow_one_another_to_the_last_origin(counted):
    found = blocks(counted)
    assert [len(block) for block in found] == [60] * 5
    assert (np.concatenate(found) == np.arange(found[0][0], 500 - 12 + 1)).all()


def test_what_is_known_before_a_block_ends_before_it(counted):
    for origins in blocks(counted):
        known = study.known_before(counted, origins)
        assert known.future.max() == origins[0] - 1
        assert known.past.min() == 0 and len(known.past) == origins[0] - 35


@pytest.mark.parametrize("name", forecasts.CLASSICS)
def test_classics_do_not_see_what_comes(name):
    """Change every value from the last origin on: earlier forecasts stay."""
    _, values = load("elnino")
    origins = blocks(values)[0][:3]
    changed = values.copy()
    changed[origins[-1] :] += 100
    before, after = (forecasts.CLASSICS[name](v, origins) for v in (values, changed))
    assert before.shape == (3, 12) and np.array_equal(before, after)
    moved = values.copy()
    moved[: origins[0]] += np.linspace(0, 5, origins[0])
    assert not np.allclose(before, forecasts.CLASSICS[name](moved, origins))


def test_series_are_those_of_statsmodels():
    months, values = load("elnino")
    assert str(months[0]) == "1950-01" and len(months) == len(values) == 61 * 12
    assert values[:3].round(2).tolist() == [23.11, 24.2, 25.37]
    months, values = load("co2")
    assert str(months[0]) == "1958-03" and str(months[-1]) == "2001-12"
    assert np.isfinite(values).all() and (np.diff(months).astype(int) == 1).all()
    with pytest.raises(ValueError, match=r"series is 'co3'; expected one of co2"):
        load("co3")


@pytest.mark.equation("eq-relative-error")
def test_relative_error_one_month_at_a_time():
    rng = np.random.default_rng(0)
    at = Windows(rng.standard_normal((5, 24)), rng.standard_normal((5, 12)))
    forecast = rng.standard_normal((5, 12))
    for M in (1, 7, 12):
        ours = naive = 0.0
        for n in range(5):
            for k in range(M):
                ours += abs(forecast[n, k] - at.future[n, k])
                naive += abs(at.past[n, 12 + k] - at.future[n, k])
        assert forecasts.relative(forecast[:, :M], at) == pytest.approx(ours / naive)
    assert forecasts.relative(forecasts.seasonal_naive(at.past), at) == 1


@pytest.mark.equation("eq-band")
@pytest.mark.parametrize(
    ("K", "share", "rank"), [(60, 0.8, 49), (60, 0.95, 58), (9, 0.9, 9)]
)
def test_band_is_the_ranked_error(K, share, rank):
    rng = np.random.default_rng(1)
    errors = rng.standard_normal((K, 12))
    for month, width in enumerate(band(errors, share)):
        size = np.abs(errors[:, month])
        assert (size <= width).sum() == rank and width in size


def test_band_without_enough_errors_is_infinite():
    assert np.isinf(band(np.ones((98, 12)), 0.99)).all()
    assert np.isfinite(band(np.ones((99, 12)), 0.99)).all()
    for share in (0, 1, 1.5):
        with pytest.raises(ValueError, match=f"share is {share}; expected a number"):
            band(np.ones((9, 12)), share)


def test_band_holds_its_share_of_errors_like_the_old_ones():
    rng = np.random.default_rng(2)
    held = [
        np.mean(
            np.abs(rng.standard_normal(12)) <= band(rng.standard_normal((60, 12)), 0.8)
        )
        for _ in range(2_000)
    ]
    # 49 of 61, and four standard errors of 24,000 trials
    assert abs(np.mean(held) - 49 / 61) < 4 * np.sqrt(0.16 / 24_000)


@pytest.mark.parametrize("kind", forecasts.NETS)
def test_a_net_learns_a_wave_that_repeats(kind):
    """Each year like the last but for a step that the window shows."""
    months = np.arange(300)
    values = np.sin(2 * np.pi * months / 12) * (1 + months / 100)
    known = windows(values, np.arange(24, 229))
    test = windows(values, np.arange(241, 289))
    untrained = fit(kind, known, 1e-9, 1, seed=0)
    trained = fit(kind, known, 0.01, 300, seed=0)
    errors = [
        forecasts.relative(net.forecast(test.past), test)
        for net in (untrained, trained)
    ]
    assert errors[1] < 0.6 < errors[0]


def test_levels_are_scaled_as_given_and_scales_come_from_what_is_known():
    rng = np.random.default_rng(3)
    known = Windows(rng.standard_normal((50, 24)), rng.standard_normal((50, 12)))
    net = fit("LSTM", known, 0.01, 2, seed=0)
    moves = known.past - known.past[:, -1:]
    gaps = known.future - known.past[:, 12:]
    assert net.scales == pytest.approx((moves.std(), gaps.std()))
    far = fit("LSTM", known, 0.01, 2, seed=0, levels=(5.0, 2.0))
    predictions, _ = far.model.forward(((known.past - 5) / 2).T[..., None])
    assert np.allclose(far.forecast(known.past), predictions * 2 + 5)
    with pytest.raises(ValueError, match=r"kind is 'GRU'; expected one of LSTM, feed"):
        fit("GRU", known, 0.01, 2, seed=0)


def test_settings_are_those_that_the_first_block_chooses():
    rows = experiments.load("forecasting-rates")
    for (series, net), chosen in study.CHOSEN.items():
        mine = [r for r in rows if (r["series"], r["net"]) == (series, net)]
        assert study.best(mine) == chosen


def test_scores_of_known_forecasts():
    rng = np.random.default_rng(4)
    came = [
        Windows(rng.standard_normal((60, 24)), rng.standard_normal((60, 12)))
        for _ in range(5)
    ]
    found = study.scores([w.future + 0.5 for w in came], came)
    naive = np.array([np.abs(w.past[:, 12:] - w.future) for w in came[1:]])
    assert found["overall"] == pytest.approx(0.5 / naive.mean(), abs=1e-4)
    assert found["block_2"] == pytest.approx(0.5 / naive[1].mean(), abs=1e-4)
    assert found["ahead_3"] == pytest.approx(0.5 / naive[..., 2].mean(), abs=1e-4)
    # The first block's errors make the second block's bands.
    wider = [w.future + 0.5 + 0.1 * b for b, w in enumerate(came)]
    assert study.scores(wider, came)["inside_80"] == 0
