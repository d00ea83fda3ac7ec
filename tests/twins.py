"""Outputs and gradients of PyTorch modules, in our types, for comparison."""

import torch

from lstmbook import interop, pytorch, tree
from lstmbook.recurrence import Grads


def run(module, case, call):
    """Run ``call(module, xs, state) -> hs, final`` and differentiate the case's sum."""

    def leaf(array):
        return torch.tensor(array, requires_grad=True)

    xs, state = leaf(case.xs), case.state._make([leaf(a) for a in case.state])
    hs, final = call(module, xs, state)
    total = (hs * torch.tensor(case.d_hs)).sum()
    for end, d in zip(final, case.d_final, strict=True):
        total = total + (end * torch.tensor(d)).sum()
    total.backward()
    d_state = state._make([a.grad.numpy() for a in state])
    return hs.detach().numpy(), xs.grad.numpy(), d_state


def written_out(case):
    """The twin in ``lstmbook.pytorch``: hs and Grads."""
    kind = type(case.cell)
    twin = getattr(pytorch, kind.__name__).from_numpy(case.cell)
    hs, d_xs, d_state = run(twin, case, lambda m, xs, state: m(xs, state))
    cell = kind(
        *(getattr(twin, name).grad.numpy() for name, _ in tree.leaves(case.cell))
    )
    return hs, Grads(cell, d_xs, d_state)


def native(case):
    """The module in ``torch.nn``, through ``interop``: hs and Grads.

    Its two biases get the same gradient, where the cell has one.
    """

    def call(module, xs, state):
        start = tuple(a[None] for a in state)
        hs, final = module(xs, start if len(start) > 1 else start[0])
        return hs, [a[0] for a in (final if len(start) > 1 else (final,))]

    module = interop.to_torch(case.cell)
    hs, d_xs, d_state = run(module, case, call)
    # Convert the gradients like the weights; only one of the two biases counts.
    layout = interop.LAYOUTS["PyTorch"][type(case.cell)]
    own = layout.own
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(parameter.grad)
            if name == "bias_hh_l0" and not own:
                parameter.zero_()
    if own:
        units, order = case.cell.hidden_size, layout.order
        shared = [k for k, block in enumerate(order) if block not in own.values()]
        for k in shared:
            module.bias_hh_l0.data[k * units : (k + 1) * units] = 0
    return hs, Grads(interop.from_torch(module), d_xs, d_state)
