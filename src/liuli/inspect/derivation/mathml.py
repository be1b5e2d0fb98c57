"""Formulas as MathML, which browsers show without any library: made of the same LaTeX as all other forms.

The subset: letters, numbers, ``_``, ``^``, groups in braces, fractions, roots, accents, braces below, and the commands
of ``notation``. What is not known is shown by its name.
"""

from __future__ import annotations

import re
from html import escape

from liuli.inspect.derivation.notation import COMMANDS

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\s+|.", re.DOTALL)
_BIG = {"sum": "∑", "prod": "∏", "int": "∫"}
_WORDS = {
    "log", "exp", "max", "min", "tanh", "cos", "sin", "tan", "cosh", "sinh", "arg", "argmax", "arcsin", "arccos",
    "arctan",
}  # fmt: skip
_BELOW = {"sum", "prod", "max", "min"}
_SPACES = {",": "0.17em", ";": "0.28em", "!": "0em", " ": "0.28em", "quad": "1em"}
_LETTERS = {
    "partial", "sigma", "gamma", "beta", "mu", "nu", "lambda", "delta", "varepsilon", "alpha", "Phi", "varphi", "ell",
    "tau", "pi", "theta", "omega", "rho", "eta", "xi", "phi", "psi", "infty", "Delta", "Gamma", "kappa", "Re", "Im",
}  # fmt: skip
_ACCENTS = {"hat": "^", "bar": "‾", "overline": "‾", "tilde": "~"}
_FENCES = {
    **dict.fromkeys("([⟨⌊⌈", ' form="prefix"'),
    **dict.fromkeys(")]⟩⌋⌉", ' form="postfix"'),
    "|": ' lspace="0.05em" rspace="0.05em"',
}


def mathml(latex: str, block: bool = True) -> str:
    """A formula as a ``<math>`` element.

    >>> mathml("z_{1} = x W_{1}", block=False)[:45]
    '<math><mrow><msub><mi>z</mi><mn>1</mn></msub>'
    """
    display = ' display="block"' if block else ""
    return f"<math{display}>{_row(_Reader(latex).read())}</math>"


def _row(parts: list[str]) -> str:
    return f"<mrow>{''.join(parts)}</mrow>"


class _Reader:
    """Reads tokens from left to right into elements."""

    def __init__(self, latex: str) -> None:
        self.tokens = _TOKEN.findall(latex)
        self.at = 0

    def read(self, closing: str | None = None) -> list[str]:
        """Elements up to the end of the group."""
        found: list[str] = []
        while (token := self._peek()) is not None:
            if token == closing:
                self.at += 1
                break
            found.append(self._scripted())
        return [part for part in found if part]

    def _peek(self) -> str | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def _skip(self) -> None:
        while (token := self._peek()) is not None and token.isspace():
            self.at += 1

    def _scripted(self) -> str:
        """One element with what stands at its foot and its head."""
        token = self._next()
        name = token[1:] if token.startswith("\\") else token
        base = self._element(token)
        scripts: dict[str, str] = {}
        while self._peek() in ("_", "^", "'"):
            mark = self._next()
            if mark == "'":
                primes = 1
                while self._peek() == "'":
                    primes, self.at = primes + 1, self.at + 1
                scripts["^"] = f"<mo>{'′' * primes}</mo>"
            else:
                scripts[mark] = self._argument() or "<mrow></mrow>"
        return _with_scripts(base or "<mrow></mrow>", scripts, name in (*_BELOW, "underbrace")) if scripts else base

    def _argument(self) -> str:
        """One element, or the row of a group."""
        self._skip()
        token = self._next() if self._peek() is not None else ""
        if token == "{":
            parts = self.read("}")
            return parts[0] if len(parts) == 1 else _row(parts)
        return self._element(token)

    def _text(self) -> str:
        """The letters of a group as they stand."""
        self._skip()
        if self._peek() != "{":
            return self._next()
        self.at += 1
        depth, text = 1, ""
        while depth and self._peek() is not None:
            token = self._next()
            depth += (token == "{") - (token == "}")
            text += token[1:] if len(token) == 2 and token[0] == "\\" else token if token not in "{}" else ""
        return text

    def _element(self, token: str) -> str:
        if not token or token.isspace():
            return ""
        if token.startswith("\\"):
            return self._command(token[1:])
        if token == "{":
            return _row(self.read("}"))
        if token[0].isdigit():
            return f"<mn>{token}</mn>"
        if token.isalpha():
            return f"<mi>{escape(token)}</mi>"
        return _operator({"-": "−", "*": "∗"}.get(token, token))

    def _command(self, name: str) -> str:
        if name in _SPACES:
            return f'<mspace width="{_SPACES[name]}"/>'
        if name in ("left", "right"):
            self._skip()
            side = self._next() if self._peek() is not None else ""
            return "" if side == "." else _operator(COMMANDS.get(side[1:], side.lstrip("\\")), stretchy=True)
        if name in _STRUCTURES:
            return _STRUCTURES[name](self)
        if name in _BIG:
            return f"<mo>{_BIG[name]}</mo>"
        if name in _WORDS:
            return f"<mi>{name}</mi>{self._gap()}"
        text = COMMANDS.get(name, name)
        if name in _LETTERS or (name not in COMMANDS and name.isalpha()):
            return f"<mi>{escape(text)}</mi>"
        if name == "top":
            return '<mi mathvariant="normal">⊤</mi>'
        return _operator(text)

    def _gap(self) -> str:
        """A little room after the name of a function, where no bracket follows."""
        rest = next((t for t in self.tokens[self.at :] if not t.isspace()), "(")
        return "" if rest in "(_^|[" or rest == "\\left" else '<mspace width="0.17em"/>'

    # Structures ------------------------------------------------------------------------------------

    def fraction(self) -> str:
        above, below = self._argument(), self._argument()
        return f"<mfrac>{above}{below}</mfrac>"

    def root(self) -> str:
        return f"<msqrt>{self._argument()}</msqrt>"

    def accent(self, name: str) -> str:
        return f'<mover accent="true">{self._argument()}<mo>{_ACCENTS[name]}</mo></mover>'

    def word(self) -> str:
        text = self._text()
        return f"<mtext>{escape(text)}</mtext>" if " " in text else f'<mi mathvariant="normal">{escape(text)}</mi>'

    def name(self) -> str:
        return self.word() + self._gap()

    def brace(self) -> str:
        """Drawn by the style as a line, for few fonts have a brace that stretches."""
        return f'<mrow class="braced">{self._argument()}</mrow>'


def _operator(text: str, stretchy: bool = False) -> str:
    shown = escape(text, quote=False)
    if text in _FENCES:
        return f'<mo{_FENCES[text]} stretchy="{"true" if stretchy else "false"}">{shown}</mo>'
    return f"<mo>{shown}</mo>"


def _with_scripts(base: str, scripts: dict[str, str], below: bool) -> str:
    foot, head = scripts.get("_"), scripts.get("^")
    base = f"<mrow>{base}</mrow>" if "<mspace" in base else base
    names = ("munder", "mover", "munderover") if below else ("msub", "msup", "msubsup")
    if foot and head:
        return f"<{names[2]}>{base}{foot}{head}</{names[2]}>"
    return f"<{names[0]}>{base}{foot}</{names[0]}>" if foot else f"<{names[1]}>{base}{head}</{names[1]}>"


_STRUCTURES = {
    "frac": _Reader.fraction,
    "sqrt": _Reader.root,
    "mathrm": _Reader.word,
    "operatorname": _Reader.name,
    "text": _Reader.word,
    "mathbf": _Reader.word,
    "underbrace": _Reader.brace,
    "hat": lambda reader: reader.accent("hat"),
    "bar": lambda reader: reader.accent("bar"),
    "overline": lambda reader: reader.accent("overline"),
    "tilde": lambda reader: reader.accent("tilde"),
}
