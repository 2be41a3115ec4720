"""Numbers as a reader writes them."""


def number(value, digits=2, *, signed=False):
    """A number with so many digits behind the point: a true minus sign, 1,000 with a comma, no sign in front of zero.

    Args:
        value: the number.
        digits: how many behind the point.
        signed: write + in front of a positive number.
    """
    text = f"{value:{'+' if signed else ''},.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "\N{MINUS SIGN}")


def three_digits(value, most=4):
    """Three digits or so, for numbers of very different size: 123, 12.3, 1.23, 0.123; `most` behind the point."""
    size = abs(value)
    digits = 4 if size < 0.0095 else 3 if size < 0.0995 else 2 if size < 9.95 else 1 if size < 99.5 else 0
    return number(value, min(digits, most))


def superscript(integer):
    """An exponent: ⁻¹⁴."""
    return str(integer).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def subscript(index):
    """An index: ₁₂. Plain letters are drawn much faster than formulas."""
    return str(index).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def power_of_ten(value):
    """A positive number as one digit and a power of ten: 3·10⁻¹⁴."""
    digit, exponent = f"{value:.0e}".split("e")
    return f"{digit}·10{superscript(int(exponent))}"
