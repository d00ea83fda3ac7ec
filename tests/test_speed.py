"""The pieces of the benchmark; nothing here asserts a time."""

import itertools

import numpy as np
import pytest
import torch

from benchmarks import page, parts, programs, speed, tables
from benchmarks.programs import NATIVE, OURS, TWIN, Size
from lstmbook import LSTM

TINY = Size(T=5, N=3, D=2, H=4)
SMALL = {"rounds": 2, "least": 0}


class Forgetful(LSTM):
    """An LSTM whose backward pass forgets the path through c."""

    def step_backward(self, prev, gates, now, d):
        to_x, to_h, to_prev = super().step_backward(prev, gates, now, d)
        return to_x, to_h, to_prev._replace(c=0 * to_prev.c)


def forgetful_program(problem):
    cell = problem.cell
    wrong = Forgetful(cell.W_x, cell.W_h, cell.b)
    return programs.numpy_program(problem._replace(cell=wrong))


def tiny_parts():
    """All parts, at sizes that take no time."""
    return [
        lambda: parts.agreements([TINY]),
        lambda: parts.races([TINY], **SMALL),
        lambda: parts.kernels([TINY], **SMALL),
        lambda: parts.recordings(TINY),
        lambda: parts.batches(TINY, batch=3, **SMALL),
        lambda: parts.growths([4, 8], TINY, rounds=2),
        lambda: [[parts.Start(name, 0.1) for name in ("sys", "numpy", "lstmbook")]],
        lambda: [[parts.Start("torch", 1.0)]],
    ]


@pytest.fixture(scope="module")
def rows():
    rows, complete = speed.measure(tiny_parts())
    assert complete
    return rows


def raced(size, ours):
    """A race against a torch.nn.LSTM that always takes 2 seconds."""
    return parts.Race(
        parts.BOTH, "float64", size, OURS, ours, reference=[2.0] * len(ours)
    )


# --- Programs


@pytest.mark.parametrize("dtype", parts.DTYPES)
def test_a_problem_is_random_in_every_slot_and_always_the_same(dtype):
    first, second = (programs.draw(TINY, dtype) for _ in range(2))
    assert first.xs.shape == (5, 3, 2) and first.d_hs.shape == (5, 3, 4)
    arrays = [first.xs, first.d_hs, *first.state, first.cell.W_x, first.cell.b]
    assert all(a.dtype == dtype and np.all(a) for a in arrays)
    assert np.array_equal(first.xs, second.xs)


def test_the_programs_agree():
    compared = [row for (row,) in parts.agreements([TINY])]
    expected = set(itertools.product(parts.DTYPES, (OURS, TWIN)))
    assert {(row.dtype, row.name) for row in compared} == expected
    bounds = {"float32": 1e-5, "float64": 1e-13}
    assert all(row.difference < bounds[row.dtype] for row in compared)


def test_all_outputs_and_gradients_are_compared():
    problem = programs.draw(TINY, "float64")
    expected = {"hs", "xs", "cell.W_x", "cell.W_h", "cell.b", "state.h", "state.c"}
    for make in programs.PROGRAMS.values():
        program = make(problem)
        assert program.named(program.both()).keys() == expected


def test_a_wrong_program_is_never_timed():
    wrong = programs.PROGRAMS | {OURS: forgetful_program}
    with pytest.raises(ValueError, match=r"NumPy and torch\.nn\.LSTM differ by .* at"):
        list(parts.agreements([TINY], wrong))


def test_nan_does_not_count_as_agreement():
    def broken(problem):
        program = programs.numpy_program(problem)

        def named(result):
            return program.named(result) | {"hs": np.full((5, 3, 4), np.nan)}

        return program._replace(named=named)

    with pytest.raises(ValueError, match="differ by nan"):
        list(parts.agreements([TINY], programs.PROGRAMS | {OURS: broken}))


def test_results_of_other_names_do_not_compare():
    program = programs.numpy_program(programs.draw(TINY, "float64"))
    fewer = program._replace(named=lambda result: {"hs": result[0]})
    with pytest.raises(ValueError, match="results differ"):
        programs.difference(fewer, program)


# --- Parts


def test_race_takes_turns_and_reverses_the_order():
    called = []
    runs = [lambda name=name: called.append(name) for name in "ab"]
    times = parts.race(runs, rounds=3, least=0)
    assert called == list("ab" + "ab" + "ba" + "ab")
    assert [len(own) for own in times] == [3, 3]


def test_ratios_are_those_of_the_same_round():
    race = parts.Race("work", "float64", TINY, OURS, [1, 6, 2], [2, 3, 4])
    assert race.ratios == [0.5, 2, 0.5]
    assert race.median == 0.5


def test_every_race_is_run(rows):
    races = tables.of_kind(parts.Race, rows)
    run = {(race.work, race.dtype, race.name) for race in races}
    expected = set(itertools.product(parts.WORKS, parts.DTYPES, (OURS, TWIN)))
    expected |= {(parts.BARE, "float32", name) for name in (OURS, NATIVE)}
    assert run == expected
    assert all(len(race.times) == len(race.reference) == 2 for race in races)


def test_kernels_are_switched_off_and_on_again():
    was = torch.backends.mkldnn.enabled
    seen = []
    parts._without_kernel(lambda: seen.append(torch.backends.mkldnn.enabled))
    with pytest.raises(ZeroDivisionError):
        parts._without_kernel(lambda: 1 / 0)
    assert seen == [False]
    assert torch.backends.mkldnn.enabled == was


def test_operations_are_counted_once_each():
    a = torch.ones(2, requires_grad=True)
    b = a.tanh()
    assert parts.operations((b * b + a).grad_fn) == {"Add": 1, "Mul": 1, "Tanh": 1}


def test_the_written_out_module_records_every_step(rows):
    for row in tables.of_kind(parts.Recorded, rows):
        if row.name == TWIN:
            assert row.operations["Tanh"] == 2 * TINY.T
            assert not page.in_one_piece(row)


def test_memory_grows_with_time(rows):
    short, long = (
        r for r in tables.of_kind(parts.Growth, rows) if r.dtype == "float64"
    )
    gates = 8 * 4 * long.T * TINY.N * TINY.H / 1e6
    assert long.megabytes > gates and long.megabytes > short.megabytes


# --- Numbers and tables


def test_exponent_of_a_power_law():
    T = np.array([100, 200, 400, 800])
    assert tables.exponent(T, 3 * T**1.25) == pytest.approx(1.25)


def test_mean_is_geometric_over_median_ratios():
    races = [raced(TINY, [1, 1, 9]), raced(TINY._replace(T=6), [8, 4, 16])]
    assert tables.mean(races) == pytest.approx((0.5 * 4) ** 0.5)
    assert tables.worst(races) is races[1]


@pytest.mark.parametrize(("many", "part"), [(1, 1), (32, 0), (16.5, 0.5)])
def test_fixed_part(many, part):
    assert tables.fixed_part(1, many, 32) == pytest.approx(part)


def test_table_is_aligned():
    laid_out = tables.table(["size", "×"], [["(5, 3)", "0.50"], ["all", "12.00"]])
    assert laid_out.splitlines() == [
        "| size   |     × |",
        "| ------ | ----: |",
        "| (5, 3) |  0.50 |",
        "| all    | 12.00 |",
    ]


def test_race_table():
    ours = raced(TINY, [1, 3, 8])
    twin = raced(TINY, [2, 2, 2])._replace(name=TWIN)
    lines = tables.race_table([ours, twin], parts.BOTH, "float64")
    _, _, line, means = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines.splitlines()
    )
    one = "1.00 / 1.00 / 1.00"
    assert line == ["(5, 3, 2, 4)", "0.50 / 1.50 / 4.00", one, "2000"]
    assert means == ["geometric mean of the medians", "1.50", "1.00", ""]


def test_goals_say_yes_and_no(rows):
    slow = [raced(TINY, [8.0])]
    others = [row for row in rows if getattr(row, "work", "") != parts.BOTH]
    double = [row._replace(dtype="float32") for row in slow]
    lines = tables.goal_table([*slow, *double, *others]).splitlines()
    assert [line.split("|")[-2].strip() for line in lines[2:5]] == ["no"] * 3
    fast = [raced(TINY, [0.1])]
    single = [row._replace(dtype="float32") for row in fast]
    lines = tables.goal_table([*fast, *single, *others]).splitlines()
    assert [line.split("|")[-2].strip() for line in lines[2:5]] == ["yes"] * 3


# --- The command and the page


def test_report_shows_what_is_there(rows):
    assert speed.report([]) == ""
    some = tables.of_kind(parts.Race, rows)
    assert "min / median / max" in speed.report(some)
    assert "Goals" not in speed.report(some)
    assert "Goals" in speed.report(rows)


@pytest.mark.parametrize("last", range(6))
def test_interrupt_keeps_what_was_measured(last, rows, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(speed, "PAGE", tmp_path / "book" / "speed.md")
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    kinds = (parts.Agreement, parts.Race, parts.Recorded, parts.Batch, parts.Growth)
    done = [row for row in rows if type(row) in kinds[:last]]

    def measured():
        yield done

    def interrupted():
        raise KeyboardInterrupt
        yield

    assert speed.main(["--write"], [measured, interrupted]) == 130
    shown = capsys.readouterr()
    assert shown.out.strip() == speed.report(done)
    assert shown.err == "\nInterrupted: this is what has been measured.\n"
    assert not speed.PAGE.exists()


def test_the_page_is_written_whole(rows, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(speed, "PAGE", tmp_path / "speed.md")
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    assert speed.main([], [lambda: [rows]]) == 0
    assert not speed.PAGE.exists()
    assert speed.main(["--write"], [lambda: [rows]]) == 0
    text = speed.PAGE.read_text(encoding="utf-8")
    assert text.startswith("# Speed\n") and text.count("\n# ") == 0
    assert tables.mean_table(rows) in text
    assert tables.growth_table(rows) in text
    assert capsys.readouterr().err == ""


def test_the_machine_is_named_without_its_whereabouts():
    named = page.machine()
    assert named["NumPy"].startswith(np.__version__)
    assert all(value and "/" not in value for value in named.values())


def test_the_page_explains_only_what_was_measured(rows):
    others = [row for row in rows if type(row) is not parts.Recorded]

    def explained(single, double, ours):
        """The paragraphs for so many operations, and so much of the time."""
        made = [
            parts.Recorded(dtype, name, 5, parts.Counter(Addmm=n))
            for dtype, n in (("float32", single), ("float64", double))
            for name in (NATIVE, TWIN)
        ]
        return page.why_the_two_differ(
            [
                row._replace(times=[ours], reference=[1])
                if type(row) is parts.Race
                else row
                for row in others
            ]
            + made
        )

    fused, chained, faster = "compiled, *fused* kernel", "step by step, as a", "faster"
    text = explained(single=1, double=50, ours=0.5)
    assert all(words in text for words in (fused, chained, faster, "50 products"))
    text = explained(single=50, double=50, ours=2)
    assert fused not in text and faster not in text and "A fused" not in text
