"""What an error of Python or torch means to somebody who meets it for the first time, in a sentence."""

import inspect
import re
import traceback

# (class of the error, words in its message, what probably caused it). The first that fits is told.
CAUSES = (
    (
        "RuntimeError",
        r"size of tensor a .* must match",
        "Two tensors of different lengths meet in this line; print both shapes.",
    ),
    (
        "RuntimeError",
        r"shapes? cannot be multiplied|inconsistent tensor size|size mismatch",
        "A matrix product needs as many columns on the left as rows on the right; print both shapes.",
    ),
    (
        "RuntimeError",
        r"same dtype|expected scalar type|dtypes? .*mismatch|expected .* dtype",
        "One tensor is float32 and the other float64 (or whole numbers); bring one to the other's type, x.to(y.dtype).",
    ),
    (
        "NotImplementedError|RuntimeError",
        r"bitwise_xor",
        "In Python ^ is no power; write x ** y.",
    ),
    (
        "NotImplementedError|RuntimeError|TypeError",
        r"operator.invert|(bitwise_and|bitwise_or|bitwise_not|__i?and__|__i?or__).* not implemented|"
        r"unsupported.*bitwise|only supported on (integer|bool)",
        "&, | and ~ join truth values. Put each comparison into brackets, (a > 0) & (b > 1), and multiply a number by "
        "a mask with *.",
    ),
    (
        "NotImplementedError|RuntimeError",
        r"(softmax|log_softmax|mean|exp|log).*(Long|Int|integer|Bool)|could not infer output dtype|"
        r"mean\(\): .*dtype",
        "The tensor holds whole numbers or truth values; make numbers of it first, x.double().",
    ),
    (
        "NotImplementedError|RuntimeError",
        r"not implemented for '(Bool|Long|Int)'",
        "torch does not compute this with truth values or whole numbers; make numbers of the tensor first, x.double().",
    ),
    (
        "RuntimeError",
        r"[Ss]ubtraction.*bool",
        "A truth value cannot be subtracted; write ~flag, or 1 - flag.double().",
    ),
    (
        "RuntimeError|ValueError",
        r"Boolean value of Tensor|truth value of an array",
        "`if`, `and`, `or`, `not` and Python's own min and max want one truth value and get many; use torch.where, "
        "&, | and ~, or torch.minimum and torch.maximum.",
    ),
    (
        "RuntimeError|ValueError|TypeError",
        r"elements? cannot be converted to Scalar|only (one element|single-element) tensors|"
        r"only (size-1|length-1|0-dimensional) arrays|only one element tensors",
        "A tensor of many numbers stands where one number is wanted, as .item(), float() and int() do.",
    ),
    (
        "TypeError",
        r"return_types|sequence by non-int|can only concatenate tuple",
        "A tuple stands where a tensor is wanted; pick one of its parts. (torch's max, min, sort and median along an "
        "axis give two: take .values.)",
    ),
    (
        "TypeError",
        r"unsupported operand.*'tuple'|must be Tensor, not tuple|tuple.* invalid combination|got \(tuple",
        "A tuple stands where a tensor is wanted: give its parts names, a, b = f(x), or hand them on, g(*f(x)). "
        "(torch's max and min along an axis give two: take .values.)",
    ),
    (
        "TypeError",
        r"integer tensors of a single element",
        "A tensor stands where Python wants a whole number: as the length of a loop, or beside a tuple or a list, of "
        "which one part was meant (of torch's max and min along an axis, .values).",
    ),
    (
        "IndexError",
        r"too many indices|Dimension out of range",
        "The tensor has fewer axes than this line asks for; print its shape.",
    ),
    (
        "IndexError",
        r"out of (bounds|range)",
        "The index runs past the end, often t + 1 in the last row; remember that the first row has number 0.",
    ),
    (
        "IndexError|TypeError",
        r"tensors used as indices|valid indices|indices must be integers|"
        r"cannot be interpreted as an integer|float.* as an index",
        "An index must be a whole number, or a tensor of whole numbers or truth values.",
    ),
    (
        "RuntimeError",
        r"does not require grad",
        "No gradient can flow: somewhere before this line the history was cut, by detach, no_grad, .item() or "
        "torch.tensor(...).",
    ),
    (
        "RuntimeError",
        r"modified by an inplace operation|leaf Variable|leaf variable|view .* inplace",
        "A tensor that the gradient needs was changed in place; make a new one, x = x + y in place of x += y.",
    ),
    (
        "RuntimeError",
        r"backward through the graph a second time",
        "backward() was called twice on one graph; compute the loss anew, or detach what is a constant.",
    ),
    (
        "RuntimeError",
        r"grad can be implicitly created only for scalar",
        "backward() starts from one number; take the mean or the sum first.",
    ),
    (
        "RuntimeError|TypeError",
        r"[Cc]an't call numpy\(\) on Tensor that requires grad|__array__|convert .* to numpy",
        "NumPy cannot follow gradients; stay in torch, or detach first.",
    ),
    (
        "AttributeError",
        r"return_types",
        "torch's max, min, sort and median along an axis give two things, values and indices; take .values.",
    ),
    (
        "TypeError|AttributeError",
        r"NoneType",
        "Something here is None, which is what a function without `return` gives back.",
    ),
    (
        "TypeError|AttributeError",
        r"ellipsis|Ellipsis",
        "Three dots still stand where a value is needed.",
    ),
    (
        "NameError|UnboundLocalError",
        r"not defined|not associated|before assignment|cannot access",
        "A name is used that has no value yet: look for another spelling, for a first value before the loop, or for a "
        "cell that was not run.",
    ),
    (
        "TypeError",
        r"positional arguments? but|unexpected keyword|missing \d+ required|multiple values for",
        "The arguments do not fit. In this course's functions those after the * are named in the call: gamma=gamma.",
    ),
    (
        "TypeError",
        r"is not callable",
        "Round brackets call a function; to pick an entry write square ones, x[t].",
    ),
    (
        "TypeError",
        r"must be (tuple|list) of Tensors|expected Tensor as (first )?element|must be Tensor, not|"
        r"argument 'input'",
        "This function of torch wants a tensor; make one of your numbers first, torch.as_tensor(x).",
    ),
    (
        "AttributeError",
        r"'(float|int|bool|list|tuple|numpy\.\w+|ndarray)' object has no attribute",
        "This is a plain number or a list, and only a tensor can do this; torch.as_tensor(x) makes one.",
    ),
    (
        "AttributeError",
        r"'Tensor' object has no attribute",
        "Tensors have no method of this name; look for another spelling.",
    ),
    (
        "AttributeError",
        r"has no attribute",
        "There is nothing of this name; look for another spelling.",
    ),
    (
        "ValueError",
        r"step must be greater than zero",
        "torch cannot walk backwards with [::-1]; use x.flip(0).",
    ),
    (
        "ValueError",
        r"math domain error|expected a positive input",
        "The logarithm of 0, or of a negative number, does not exist; treat this case by itself.",
    ),
    (
        "OverflowError",
        r"",
        "A number has become too large, often exp of a large number.",
    ),
    (
        "ZeroDivisionError",
        r"",
        "Something is divided by zero; which number may be 0 here?",
    ),
    (
        "RecursionError",
        r"",
        "The function calls itself and does not come to an end; a loop is easier to follow.",
    ),
    (
        "MemoryError|RuntimeError",
        r"allocate|memory",
        "This would be a tensor far larger than the answer; look at the shapes, one of them may have become a table.",
    ),
    (
        "RuntimeError",
        r"can't be cast",
        "Whole numbers cannot take in fractions; make the tensor one of numbers first, x.double().",
    ),
    (
        "NotImplementedError",
        r"^$",
        "torch cannot do this here. A distribution over finitely many actions, for one, has no rsample: use sample().",
    ),
    (
        "KeyError",
        r"",
        "A dict has no such key; look for another spelling.",
    ),
)


def cause(error):
    """What probably lies behind an error, in a sentence; empty if nobody can tell."""
    kinds, message = {kind.__name__ for kind in type(error).__mro__}, str(error)
    for names, words, sentence in CAUSES:
        if kinds & set(names.split("|")) and re.search(words, message):
            return sentence
    return ""


def describe(error, *functions):
    """An error that stopped a student's code, in sentences: where, what it says, and what probably caused it.

    Args:
        error: the exception.
        functions: the student's functions or classes, where to look for the line.
    """
    found = [place for place in traceback.extract_tb(error.__traceback__) if _inside(place, functions)]
    where = f" in your line {found[-1].lineno}, `{found[-1].line}`" if found and found[-1].line else ""
    message = " ".join(str(error).split())
    message = message if len(message) <= 200 else f"{message[:200]} …"
    said = f"Your function stopped with an error{where}: {type(error).__name__}, {message}".rstrip(" ,.") + "."
    return f"{said} {cause(error)}".rstrip()


def _inside(place, functions):
    """Whether a line of a traceback belongs to one of these functions or classes, or to what they define inside."""
    for function in functions:
        for code in _codes(function):
            first = code.co_firstlineno
            last = max((line for *_, line in code.co_lines() if line), default=first)
            if place.filename == code.co_filename and first <= place.lineno <= last:
                return True
    return False


def _codes(function):
    function = inspect.unwrap(function) if callable(function) else function
    if isinstance(function, type):
        return [code for member in vars(function).values() for code in _codes(member)]
    function = getattr(function, "func", function)  # of functools.partial
    code = getattr(function, "__code__", None)
    return [code, *(constant for constant in code.co_consts if inspect.iscode(constant))] if code else []
