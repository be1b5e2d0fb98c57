"""How to use the model: a program and a command that run as they stand."""

from __future__ import annotations

import shlex

from liuli.data import Schema, Table
from liuli.report.rows import COLUMNS, as_table, plain_row
from liuli.report.story import Story


def in_python(story: Story) -> str:
    """A program that loads the model and asks it about a row; nothing where rows are not one array."""
    if not story.is_line:
        return ""
    file = str(story.facts.get("model", "model.liuli"))
    table = _table(story)
    if table is not None:
        cells = "".join(f"        {name!r}: {value!r},\n" for name, value in plain_row(table).items())
        top, rows = "import liuli as ll\n", f"rows = [\n    {{\n{cells}    }},\n]\n"
    else:
        top = "import numpy as np\n\nimport liuli as ll\n"
        rows = f"rows = np.zeros({(1, *story.test.item_shape)}, {str(story.test.x.dtype)!r})\n"
    load = f"model = ll.Model.load({file!r})\n"
    return f"{top}\n{load}{rows}" + "\n".join(_asked(story))


def on_command_line(story: Story) -> str:
    """The command that predicts the rows of a file, where rows are those of a table."""
    if _table(story) is None or not story.is_line:
        return ""
    file = shlex.quote(str(story.facts.get("model", "model.liuli")))
    return f"liuli predict {file} rows.csv -o predictions.csv"


def _table(story: Story) -> Table | None:
    """The test part as the table that the schema takes, where writing out a row of it is no burden."""
    wide = not isinstance(story.test, Table) and story.test.x[0].size > COLUMNS
    return None if wide or not isinstance(story.model.recipe.schema, Schema) else as_table(story.test)


def _asked(story: Story) -> list[str]:
    """The lines that ask, and what they print."""
    words, names = story.words, story.class_names
    if not names:
        name = " ".join(story.data.target_name.split())
        return [f"print(model.predict(rows))  # {words('comment values', name=name)}"]
    second = " ".join(names[1].split())
    several = story.answers is None or story.answers.probabilities is None or len(names) > 2
    said = words("comment probabilities" if several else "comment probability", name=second)
    lines = ["found = model.predict(rows)", f"print(found)  # {said}"]
    if story.model.recipe.schema is not None:
        lines.append(f"print(model.recipe.schema.labels(found))  # {words('comment labels')}")
    return lines
