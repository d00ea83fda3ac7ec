"""The labs: sheets of steps, each with its check, that end in something made."""

import textwrap

from lstmbook.course.exercises import ALL
from tools.course.sheets import SITE, Assignment, Item

RNN_TASKS = {
    "lab-rnn-step": "One step forward: three terms and a tanh.",
    "lab-rnn-step-backward": (
        "One step back. First the derivative δ by what stood in the tanh; then "
        "everything that went into it."
    ),
    "lab-rnn-forward": "A sequence forward: each step starts from the h before it.",
    "lab-rnn-backward": (
        "A sequence backward. Each h has two readers, the loss and the next step. "
        "Parameters are the same at all steps, so their gradients are sums."
    ),
}
FORGET_TASKS = {
    "lab-forget-step": "One step forward: what stays of the memory, and what is added.",
    "lab-forget-step-backward": "One step back: the memory has two readers.",
    "lab-forget-forward": "A sequence forward, with a memory that is handed on.",
    "lab-forget-backward": (
        "A sequence backward, along the memory alone: the path on which the LSTM's "
        "gradient survives."
    ),
}
LSTM_TASKS = {
    "lstm-step": "One step forward: six equations.",
    "lab-lstm-forward": (
        "A sequence forward. Keep what the layers made: the backward pass of "
        "chapter 10 needs it."
    ),
    "lab-read-out": "Read the outputs.",
}
BACKWARD_TASKS = {
    "lab-lstm-step-backward": "One step back through the six equations.",
    "lab-lstm-backward": (
        "A sequence backward. Two things are handed from step to step: the derivative "
        "by h and the derivative by c."
    ),
}

MEMORY = """\
half_life = 20  # your choice: after so many steps, half is left
b_f = -np.log(2 ** (1 / half_life) - 1)
nothing, one = np.zeros((60, 1, 1)), np.ones((1, 1))
_, cs = forget_forward(
    nothing, 0 * one, one, np.zeros((1, 2)), np.zeros((1, 2)), np.array([b_f, 0])
)
back = direct_gradient(one, np.full((60, 1, 1), 0.5 ** (1 / half_life)))
for t in (1, half_life, 60):
    print(f"after {t:2} steps {cs[t - 1, 0, 0]:.3f} is left; {t:2} steps back the "
          f"gradient is {back[60 - t, 0, 0]:.3f}")"""

NOTEPAD = """\
from lstmbook.tasks.notepad import MARKS, VALUE, by_hand, notepad

model, batch = by_hand(), notepad(np.random.default_rng(0), 100, 200)
cell, nothing = model.cell, np.zeros((200, 2))
hs, cs, gates = lstm_forward(batch.xs, nothing, nothing, cell.W_x, cell.W_h, cell.b)
ys = read_out(hs, model.W_y, model.b_y)
start = int(batch.xs[:, 0, MARKS["store"]].argmax())  # the first store
for t in range(start, start + 12):
    value, marks = batch.xs[t, 0, VALUE], batch.xs[t, 0]
    said = " ".join(mark for mark, k in MARKS.items() if marks[k])
    print(f"{t + 1:2}  value {value:6.2f}  {said:6}  yours {ys[t, 0, 0]:6.2f}")
error = np.sqrt(np.mean((ys - batch.targets) ** 2))
print(f"RMSE over all sequences: {error:.3f}")"""

TEXT = '''\
text = "the cell keeps what the gates let in, and says it when it is asked. "  # yours
letters = sorted(set(text))
codes = np.array([letters.index(letter) for letter in text])
xs = np.eye(len(letters))[codes][:, None]  # (T, 1, D)
targets, D, H = np.roll(codes, -1), len(letters), 48
rng = np.random.default_rng(0)


def loss_and_d_ys(ys):
    """Cross-entropy of the next letter, and its derivative by the outputs."""
    p = np.exp(ys - ys.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    steps = np.arange(len(targets))
    loss = -np.log(p[steps, 0, targets]).mean()
    p[steps, 0, targets] -= 1
    return loss, p / len(targets)


def update(parameters, gradients, memory, rate):
    """One step of gradient descent with momentum, the gradient clipped."""
    size = np.sqrt(sum((g**2).sum() for g in gradients))
    for p, g, m in zip(parameters, gradients, memory, strict=True):
        m *= 0.9
        m -= rate * g * min(1, 1 / (size + 1e-9))
        p += m'''

RNN_TEXT = f"""{TEXT}


W_x, W_h, W_y = (
    rng.standard_normal(shape) / np.sqrt(shape[0])
    for shape in ((D, H), (H, H), (H, D))
)
b, h_0 = np.zeros(H), np.zeros((1, H))
parameters = [W_x, W_h, b, W_y]
memory = [np.zeros_like(p) for p in parameters]
for number in range(401):
    hs = rnn_forward(xs, h_0, W_x, W_h, b)
    loss, d_ys = loss_and_d_ys(hs @ W_y)
    *_, d_W_x, d_W_h, d_b = rnn_backward(d_ys @ W_y.T, xs, h_0, hs, W_x, W_h)
    d_W_y = np.einsum("tnh,tno->ho", hs, d_ys)
    if number % 100 == 0:
        print(f"update {{number:3}}: loss {{loss:.3f}}")
    update(parameters, [d_W_x, d_W_h, d_b, d_W_y], memory, 0.1)

h, code, written = h_0, codes[0], [codes[0]]
for _ in range(2 * len(text)):
    h = rnn_step(np.eye(D)[[code]], h, W_x, W_h, b)
    code = int((h @ W_y).argmax())
    written.append(code)
print("".join(letters[code] for code in written))"""

LSTM_TEXT = f"""{TEXT}


from lstmbook import LSTM

cell = LSTM.init(rng, D, H)
W_y = rng.standard_normal((H, D)) / np.sqrt(H)
parameters = [cell.W_x, cell.W_h, cell.b, W_y]
memory = [np.zeros_like(p) for p in parameters]
nothing = np.zeros((1, H))
for number in range(301):
    hs, trace = cell.forward(xs)
    loss, d_ys = loss_and_d_ys(hs @ W_y)
    gates = np.concatenate(trace.gates, axis=-1)
    *_, d_W_x, d_W_h, d_b = lstm_backward(
        d_ys @ W_y.T, xs, nothing, nothing, hs, trace.states.c, gates,
        cell.W_x, cell.W_h,
    )
    d_W_y = np.einsum("tnh,tno->ho", hs, d_ys)
    if number % 100 == 0:
        print(f"update {{number:3}}: loss {{loss:.3f}}")
    update(parameters, [d_W_x, d_W_h, d_b, d_W_y], memory, 0.1)

written = [codes[0]]
for _ in range(2 * len(text)):
    hs, _ = cell.forward(np.eye(D)[written][:, None])
    written.append(int((hs[-1] @ W_y).argmax()))
print("".join(letters[code] for code in written))"""


def labs() -> list[Assignment]:
    """List the labs, in the order of the chapters."""
    return [
        _lab(
            "lab-02-rnn-from-scratch",
            "02-vanilla-rnn",
            "a vanilla RNN from scratch",
            RNN_TASKS,
            "When all checks pass, your net learns a text and writes it. Change it.",
            RNN_TEXT,
        ),
        _lab(
            "lab-06-a-memory-with-a-dial",
            "06-forget-gate",
            "a memory with a dial",
            FORGET_TASKS,
            "When all checks pass, set the dial: choose a half-life.",
            MEMORY,
        ),
        _lab(
            "lab-09-lstm-from-scratch",
            "09-six-equations",
            "an LSTM from scratch",
            LSTM_TASKS,
            "When all checks pass, your cell keeps the book's notepad, with the "
            "weights that the chapters set by hand.",
            NOTEPAD,
        ),
        _lab(
            "lab-10-back-through-the-cell",
            "10-backward",
            "back through the cell",
            BACKWARD_TASKS,
            "When all checks pass, the book's cell learns a text by your gradient, and "
            "writes it. Change the text.",
            LSTM_TEXT,
        ),
    ]


def _lab(
    name: str, chapter: str, title: str, tasks: dict[str, str], last: str, code: str
) -> Assignment:
    number = int(chapter[:2])
    about = (
        f"A lab to [chapter {number}]({SITE}/book/{chapter}.html), in "
        f"{len(tasks)} steps. Check each before you go on: the next one builds on it."
    )
    items = tuple(
        Item(ALL[step], f"**Step {k}.** {task}")
        for k, (step, task) in enumerate(tasks.items(), 1)
    )
    closing = ((f"**What you have made.** {last}", textwrap.dedent(code)),)
    return Assignment(name, f"Lab {number}: {title}", about, items, closing=closing)
