"""Verilog-A cells as Python: their functions, and the analog block of the event form, to be run as simulators do."""

import math
import re

PYTHON = {"min": min, "max": max, "pow": pow, "abs": abs, "floor": math.floor, "ln": math.log}


def run_functions(source):
    """The functions of a Verilog-A text: their bodies are arithmetic that both languages read alike."""
    space = dict(PYTHON)
    for key, value in re.findall(r"localparam real (\w+) = ([^;]+);", source):
        space[key] = float(value)
    for title, inputs, body in re.findall(
        r"analog function real (\w+);\s*input ([^;]+);.*?begin\n(.*?)\n\s*end\s*endfunction", source, re.DOTALL
    ):
        lines = [" ".join(line.split()) for line in body.split(";") if line.strip()]
        lines = [re.sub(r"= \((.*)\) \? (.*) : (.*)", r"= (\2) if (\1) else (\3)", line) for line in lines]
        if any("?" in line for line in lines):  # what iterations may do, no formula of the model
            continue
        code = "".join(f"    {line.replace(f'{title} =', 'result =')}\n" for line in lines)
        exec(f"def {title}({inputs}):\n{code}    return result\n", space)
    return space


class EventCell:
    """A cell of the event form. Its variables are there to be saved and restored by who simulates it.

    What controls the step (cross events, bounds, discontinuities) is left out: it must not matter.
    """

    def __init__(self, model, values):
        self._space = {**run_functions(model.source), **values}
        self._code = compile(_python(_block(model.source)), model.module, "exec")
        self.variables = {"first": True}

    def current(self, time, voltage):
        """Evaluate the block once."""
        space = {**self._space, **self.variables, "abstime": time, "voltage": voltage}
        names = set(space) - set(self.variables)
        exec(self._code, space)
        self.variables = {k: v for k, v in space.items() if k not in names} | {"first": False}
        return self.variables["i_out"]


def _block(source):
    """The analog block in its electrical dress, without comments and step control."""
    text = re.sub(r"//[^\n]*", "", source)
    text = re.sub(r"`ifdef SYNAPTOGEN_SIGNAL_FLOW.*?`else(.*?)`endif", r"\1", text, flags=re.DOTALL)
    text = text[text.index("analog begin") + len("analog begin") : text.rindex("end\nendmodule")]
    for pattern, replacement in (
        (r"@\(initial_step\)", "if (first)"),
        (r"@\(cross.*?\bend\b", ""),
        (r"if \([^;]*\)\s*\$bound_step\([^;]*;", ""),
        (r"I\(p, n\) <\+ white_noise[^;]*;", ""),
        (r"I\(p, n\) <\+", "i_out ="),
        (r"V\(p, n\)", "voltage"),
        (r"\$abstime", "abstime"),
    ):
        text = re.sub(pattern, replacement, text, flags=re.DOTALL)
    return text


def _python(block):
    """Line by line: there is one statement on a line, but for those of a case."""
    lines, depth, single, subject = [], 0, False, ""
    for line in filter(None, map(str.strip, block.splitlines())):
        if line in ("endcase", "default: begin end"):
            continue
        if match := re.fullmatch(r"case \((\w+)\)", line):
            subject = match[1]
        elif match := re.fullmatch(r"(\d+): begin (.*); end", line):
            lines += [f"{'    ' * depth}if {subject} == {match[1]}:", f"{'    ' * (depth + 1)}{match[2]}"]
        elif match := re.fullmatch(r"(end )?(if|else if|else)\b ?(\(.*\))?( begin)?", line):
            depth -= match[1] is not None
            word = {"if": "if", "else if": "elif", "else": "else"}[match[2]]
            lines.append(f"{'    ' * depth}{word} {_expression(match[3] or '')}".rstrip() + ":")
            depth += match[4] is not None
            single = match[4] is None
        elif line == "end":
            depth -= 1
        else:
            lines.append("    " * (depth + single) + _expression(line.rstrip(";")))
            single = False
    return "\n".join(lines)


def _expression(text):
    """With Python's words, and its order of a choice."""
    text = text.replace("&&", " and ").replace("||", " or ")
    choice = re.compile(r"\(([^()?]*)\?([^()?:]*):([^()?:]*)\)")
    while choice.search(text):  # innermost first
        text = choice.sub(r"[\2 if \1 else \3][0]", text, count=1)
    return text
