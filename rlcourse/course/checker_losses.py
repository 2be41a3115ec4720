"""How an exercise judges a loss: by its value and its gradient, for two losses may share one and not the other."""

import torch

from rlcourse.course.checker import Stopped, as_tensor, call, right, write, wrong
from rlcourse.course.checker_repair import nearly

BACKWARD = "You call backward inside the function. Return its number, and the checker takes the gradient."


def refuse_backward(leaves):
    """Raise Stopped if gradients lie in some tensors: the student's function has called backward by itself."""
    if any(leaf.grad is not None for leaf in leaves):
        for leaf in leaves:
            leaf.grad = None
        raise Stopped(wrong(BACKWARD))


def slopes(loss, leaves):
    """Gradient of a scalar loss in some tensors, flat; zeros where none arrives.

    Raises:
        Stopped: if the student's function has used up the graph by taking a gradient itself.
    """
    if not loss.requires_grad:
        return torch.cat([torch.zeros_like(leaf).flatten() for leaf in leaves])
    try:
        parts = torch.autograd.grad(loss, leaves, allow_unused=True, retain_graph=True)
    except RuntimeError as error:
        if "second time" not in str(error):
            raise
        raise Stopped(wrong(BACKWARD)) from None
    parts = [torch.zeros_like(leaf) if part is None else part for leaf, part in zip(leaves, parts, strict=True)]
    return torch.cat([part.flatten() for part in parts])


def judge_loss(student, oracle, cases, leaves, known, *, praise, show):
    """As `checker.judge`, for a scalar loss: two losses are the same if value and all gradients agree.

    Args:
        student, oracle: functions of a case -> scalar tensor.
        cases: list of argument tuples.
        leaves: for each case the tensors to differentiate by, the one that is to learn first.
        known: dict from a sentence to the function (or functions) that make this mistake.
        praise, show: as in `judge`.

    Returns:
        A Verdict.
    """

    def weights(loss, of):
        return torch.cat([loss.detach().reshape(1).double(), slopes(loss, of)])

    truths = [weights(oracle(*case), of) for case, of in zip(cases, leaves, strict=True)]
    answers = []
    try:
        for case, of in zip(cases, leaves, strict=True):
            answer = call(student, case)
            as_tensor(answer, torch.tensor(0.0), "one number")
            if not (isinstance(answer, torch.Tensor) and answer.requires_grad):
                return wrong(
                    "No gradient leaves your loss: whatever is to learn must stay a tensor with its history, not "
                    "detached, and not turned into a number."
                )
            refuse_backward(of)
            answers.append(weights(answer.double(), of))
    except Stopped as stopped:
        return stopped.verdict

    def same(others):
        return all(torch.allclose(a, b, rtol=1e-6, atol=1e-6) for a, b in zip(answers, others, strict=True))

    if same(truths):
        return right(praise)
    differ = (
        f"{show(*case)}: expected {write(truth[0])}, got {write(answer[0])}"
        for truth, answer, case in zip(truths, answers, cases, strict=True)
        if not torch.allclose(answer[0], truth[0], rtol=1e-6, atol=1e-6)
    )
    example = next(differ, "")  # none where only gradients differ
    for sentence, functions in known.items():
        for function in functions if isinstance(functions, tuple) else (functions,):
            if same([weights(function(*c), of) for c, of in zip(cases, leaves, strict=True)]):
                return wrong(sentence, example)
    near = nearly(student, lambda other: _passes(other, cases, leaves, truths, weights))
    if near:
        return wrong(near, example)
    if not example:
        return wrong("The number is right and its gradient is not: what is a constant in this step, and what learns?")
    return wrong("The numbers differ from the definition; the first that differs stands below.", example)


def _passes(function, cases, leaves, truths, weights):
    """Whether a loss has the right value and gradients on every case; it stops at the first where it has not."""
    for case, of, truth in zip(cases, leaves, truths, strict=True):
        if not torch.allclose(weights(call(function, case).double(), of), truth, rtol=1e-6, atol=1e-6):
            return False
    return True
