"""Formulas are written once, in LaTeX; readable Unicode is made of them.

The subset: letters, ``_``, ``^``, groups in braces, and the commands in the tables below.
"""

from __future__ import annotations

import re

COMMANDS = {
    "partial": "∂", "odot": "⊙", "top": "ᵀ", "sum": "Σ", "sigma": "σ", "gamma": "γ", "beta": "β", "mu": "μ",
    "nu": "ν", "lambda": "λ", "delta": "δ", "varepsilon": "ε", "alpha": "α", "Phi": "Φ", "varphi": "φ", "star": "⋆",
    "times": "×", "cdot": "·", "in": "∈", "ell": "ℓ", "log": "log", "exp": "exp", "max": "max", "tanh": "tanh",
    "langle": "⟨", "rangle": "⟩", "le": "≤", "ge": "≥", "ne": "≠", "left": "", "right": "", "to": "→",
    "leftarrow": "←", "tau": "τ", "pi": "π", "theta": "θ", "omega": "ω", "rho": "ρ", "eta": "η", "xi": "ξ",
    "phi": "φ", "psi": "ψ", "infty": "∞", "Re": "Re", "Im": "Im", "sim": "~", "propto": "∝", "bmod": "mod",
    "exists": "∃", "neg": "¬", "int": "∫", "prod": "Π", "min": "min", "cos": "cos", "sin": "sin", "cosh": "cosh",
    "circ": "∘", "mapsto": "↦", "quad": "  ", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "ldots": "…",
    "pm": "±", "approx": "≈", "Delta": "Δ", "Gamma": "Γ", "kappa": "κ",
}  # fmt: skip
_SUBSCRIPTS = str.maketrans("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_SUPERSCRIPTS = str.maketrans("0123456789+-=()in", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁱⁿ")
_TOKEN = re.compile(r"\\[A-Za-z]+ ?|\\.|.", re.DOTALL)


def gradient(symbol: str) -> str:
    """dL/dsymbol.

    >>> unicode(gradient("z_{1}"))
    '∂L/∂z₁'
    """
    return rf"\frac{{\partial L}}{{\partial {symbol}}}"


def transposed(symbol: str) -> str:
    """symbol^T.

    >>> unicode(transposed("W_{12}"))
    'W₁₂ᵀ'
    """
    return rf"{symbol}^{{\top}}"


def fraction(number: float, divisor: float) -> str:
    """number / divisor as a factor; nothing where it is 1.

    >>> unicode(fraction(2.0, 3)), fraction(4.0, 4)
    ('2/3 ', '')
    """
    if number == divisor:
        return ""
    return f"{number:.4g} \\, " if divisor == 1 else rf"\frac{{{number:.4g}}}{{{divisor:.4g}}} \, "


def unicode(latex: str) -> str:
    """A formula as it can be read in a terminal.

    >>> unicode(r"\\frac{\\partial L}{\\partial W_{1}} = x^{\\top} \\odot \\sqrt{\\nu + \\varepsilon}")
    '∂L/∂W₁ = xᵀ ⊙ √(ν + ε)'
    """
    text = _read(_TOKEN.findall(latex))
    return re.sub(r" +([⌋⌉])", r"\1", re.sub(r" {2,}", " ", text))


def _read(tokens: list[str]) -> str:
    """Consume tokens up to the end of the group that they stand in."""
    text = ""
    while tokens:
        token = tokens.pop(0)
        if token == "}":
            return text
        text += _one(token, tokens)
    return text


def _one(token: str, tokens: list[str]) -> str:
    name = token[1:].rstrip() if token.startswith("\\") else token
    if name in ("{", "_", "^") and not token.startswith("\\"):
        return _read(tokens) if name == "{" else _script(name, _argument(tokens))
    if not token.startswith("\\"):
        return token
    if name in _WITH_ARGUMENTS:
        return _WITH_ARGUMENTS[name](tokens)
    if not name.isalpha():
        return {",": "", "!": "", ";": " "}.get(name, name)
    spaced = " " if token.endswith(" ") and name not in _TIGHT else ""
    return COMMANDS.get(name, name) + spaced


def _argument(tokens: list[str]) -> str:
    token = tokens.pop(0)
    return _one(token, tokens)


def _script(kind: str, text: str) -> str:
    if text == "ᵀ":
        return text
    table = _SUBSCRIPTS if kind == "_" else _SUPERSCRIPTS
    if all(ord(c) in table for c in text):
        return text.translate(table)
    return f"{kind}{text}" if len(text) == 1 else f"{kind}({text})"


def _fraction(tokens: list[str]) -> str:
    above, below = _argument(tokens), _argument(tokens)
    return f"{_bracketed(above)}/{_bracketed(below)}"


def _bracketed(text: str) -> str:
    whole = re.fullmatch(r"√\([^()]*\)", text) or not re.search(r"[ /]", text)
    return text if whole else f"({text})"


def _over(text: str) -> str:
    """A mean: a bar over a letter, the word before what is longer."""
    letter = re.fullmatch(r"(\w)([₀-₉₍₎,]*)", text)
    return f"{letter[1]}\u0304{letter[2]}" if letter else f"mean({text})"


def _braced(tokens: list[str]) -> str:
    """What a brace is under; not what is said below it."""
    text = _argument(tokens)
    if tokens and tokens[0] == "_":
        tokens.pop(0)
        _argument(tokens)
    return text


_TIGHT = {"partial", "left", "right", "langle", "lfloor", "lceil"}
_WITH_ARGUMENTS = {
    "frac": _fraction,
    "hat": lambda tokens: f"{_argument(tokens)}\u0302",
    "bar": lambda tokens: _over(_argument(tokens)),
    "overline": lambda tokens: _over(_argument(tokens)),
    "underbrace": _braced,
    "sqrt": lambda tokens: f"√({_argument(tokens)})",
    "mathrm": _argument,
    "operatorname": _argument,
    "text": _argument,
    "mathbf": _argument,
}
