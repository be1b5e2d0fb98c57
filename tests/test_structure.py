"""The shape of the source tree: floors, sizes, and what must not be in it. Reads the files; imports none of them."""

import ast
import graphlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1] / "src" / "liuli"

FLOORS = [
    "core kernels",
    "activations initializers regularizers constraints layers losses metrics optimizers schedules data",
    "networks",
    "training callbacks energy adversarial reinforcement",
    "inspect doctor search export",
    "cli playground estimators report lab __main__",
    "__init__",
]
FLOOR = {package: floor for floor, packages in enumerate(FLOORS) for package in packages.split()}

FILE_LINES = 400  # a file stays under this
FUNCTION_LINES = 60  # a function, its docstring left out, stays within this
MEDIAN_LINES = 12  # and half of them within this

# What may be longer, and why: {"layers/example.py": "...", "layers/example.py:Example.apply": "..."}
WAIVERS: dict[str, str] = {}

FILES = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in sorted(ROOT.rglob("*.py"))}
TREES = {file: ast.parse(text, file) for file, text in FILES.items()}


# ---- what a file imports ---------------------------------------------------------------------------------------------


def top(file: str) -> str:
    """The package directly under liuli that a file belongs to: `layers/dense.py` -> `layers`."""
    return file.split("/")[0].removesuffix(".py")


def running(node: ast.AST) -> Iterator[ast.AST]:
    """Every node under this one that can run, which leaves out the bodies of `if TYPE_CHECKING:`."""
    yield node
    types_only = isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
    for child in ast.iter_child_nodes(node):
        if not (types_only and child in node.body):
            yield from running(child)


def modules(file: str, node: ast.AST) -> list[str]:
    """The absolute dotted names that a node imports: by statement, or by `import_module("...")`."""
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom():
            package = ["liuli", *file.split("/")[:-1]]
            start = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*start, *filter(None, [node.module])])
            return [f"{origin}.{alias.name}" for alias in node.names]
        case ast.Call(
            func=ast.Name("import_module") | ast.Attribute(attr="import_module"), args=[ast.Constant(str(name)), *_]
        ):
            return [f"liuli{name}" if name.startswith(".") else name]
    return []


def imports(file: str) -> Iterator[tuple[int, str]]:
    """Line and target of each import within liuli; a name that is no package under it is liuli itself: `__init__`."""
    packages = {top(each) for each in FILES}
    for node in running(TREES[file]):
        for module in modules(file, node):
            root, _, rest = module.partition(".")
            if root == "liuli":
                package = rest.split(".")[0]
                yield node.lineno, package if package in packages else "__init__"


def test_every_package_stands_on_a_floor():
    strangers = {top(file) for file in FILES} - set(FLOOR)
    assert FILES and not strangers, f"give these a floor in FLOORS: {sorted(strangers)}"


def test_imports_run_downwards():
    wrong = [
        f"{file}:{line} ({package}, floor {FLOOR[package]}) imports {target} (floor {FLOOR[target]})"
        for file in FILES
        for package in [top(file)]
        for line, target in imports(file)
        if FLOOR[target] > FLOOR[package]
    ]
    assert not wrong, "\n".join(wrong)


def test_packages_do_not_import_in_circles():
    needs = defaultdict(set)
    for file in FILES:
        needs[top(file)] |= {target for _, target in imports(file)} - {top(file)}
    try:
        graphlib.TopologicalSorter(needs).prepare()
    except graphlib.CycleError as error:
        raise AssertionError(" <- ".join(error.args[1])) from None


# ---- sizes -----------------------------------------------------------------------------------------------------------


FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


def lines(node: ast.AST) -> int:
    """How many lines of the file a node takes, its decorators left out."""
    return node.end_lineno - node.lineno + 1


def functions(node: ast.AST, path: str = "") -> Iterator[tuple[str, int]]:
    """Qualified name and length, without decorators and docstring, of every function under a node."""
    for child in ast.iter_child_nodes(node):
        named = isinstance(child, FUNCTION | ast.ClassDef)
        name = f"{path}.{child.name}".lstrip(".") if named else path
        if isinstance(child, FUNCTION):
            yield name, lines(child) - (lines(child.body[0]) if ast.get_docstring(child) else 0)
        yield from functions(child, name)


LENGTHS = {f"{file}:{name}": length for file, tree in TREES.items() for name, length in functions(tree)}


def test_files_and_functions_are_short():
    long = {file: len(text.splitlines()) for file, text in FILES.items() if len(text.splitlines()) >= FILE_LINES}
    long |= {name: length for name, length in LENGTHS.items() if length > FUNCTION_LINES}
    unwaived = {name: length for name, length in long.items() if name not in WAIVERS}
    assert not unwaived, f"too long (lines): {unwaived}"
    assert not set(WAIVERS) - set(long), "these waivers are no longer needed: take them out"


def test_half_of_the_functions_are_very_short():
    typical = median(LENGTHS.values())
    assert typical <= MEDIAN_LINES


# ---- what must not be there ------------------------------------------------------------------------------------------


UNSAFE = {"cloudpickle", "dill", "marshal", "pickle", "shelve"}


def fault(file: str, node: ast.AST) -> str | None:
    """What is wrong with a node, if anything is."""
    if UNSAFE & {module.split(".")[0] for module in modules(file, node)}:
        return "reads data that can run code"
    match node:
        case ast.Assert():
            return "assert: raise an error that says what to try"
        case ast.Call(func=ast.Name("eval" | "exec" as name)):
            return f"{name}: a file must not run code"
        case ast.Call(func=ast.Name("print")) if top(file) != "cli":
            return "print: only the command line talks"
        case ast.keyword(arg="allow_pickle", value=value) if not (isinstance(value, ast.Constant) and not value.value):
            return "allow_pickle: reads data that can run code"
    return None


def test_nothing_forbidden():
    faults = [
        f"{file}:{node.lineno} {problem}"
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if (problem := fault(file, node))
    ]
    assert not faults, "\n".join(faults)
