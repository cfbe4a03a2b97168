"""Reads the examples of src/protocol/README.md; the document itself says how they are written."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "src/protocol/README.md"

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|<[\w ]+>|…|[^"<…]+')
LINE = re.compile(r"^(?P<user>[a-z]+)(?:/(?P<device>[a-z]+))? (?P<way>[→←]) (?P<what>.*)$", re.DOTALL)
MARK = "\u0000"  # what a pattern says, in strings that no document can hold


class Step:
    """One line of an example: who, which way, and what."""

    def __init__(self, number, text):
        match = LINE.match(text)
        assert match, f"{DOCUMENT.name}:{number}: not a line of an example: {text!r}"
        self.number = number
        self.user = match["user"]
        self.device = match["device"] or "phone"
        self.sends = match["way"] == "→"
        self.what = match["what"].strip()

    @property
    def who(self):
        return self.user, self.device

    @property
    def is_frame(self):
        return self.what.startswith("{")

    @property
    def type(self):
        found = re.search(r'"type":"([\w.]+)"', self.what)
        return found[1] if self.is_frame and found else None


class Section:
    def __init__(self, title):
        self.title = title
        self.steps = []
        self.shown = []  # of examples that cannot be played


def sections(text):
    """The document's parts (##), each with its examples one after the other."""
    found = [Section("")]
    fence = None
    for number, line in enumerate(text.splitlines(), 1):
        if fence is None:
            if line.startswith("## "):
                found.append(Section(line[3:]))
            elif line.startswith("```"):
                fence, lines = line[3:].strip(), []
        elif line == "```":
            if fence in ("chat", "chat shown"):
                steps = [Step(first, whole) for first, whole in lines]
                (found[-1].steps if fence == "chat" else found[-1].shown).extend(steps)
            fence = None
        elif line.startswith(" ") and lines:
            lines[-1][1] += line.strip()
        elif line:
            lines.append([number, line])
    return found


def pattern(text):
    """A frame's pattern as a value: placeholders become strings that begin with MARK."""
    out = []
    pieces = TOKEN.findall(text)
    for at, piece in enumerate(pieces):
        before = "".join(pieces[:at]).rstrip()[-1:]
        after = "".join(pieces[at + 1:]).lstrip()[:1]
        if piece == "…" and before in ",{" and after == "}":
            out.append(json.dumps(MARK + "more") + ":0")
        elif piece == "…" and before in ",[" and after == "]":
            out.append(json.dumps(MARK + "more"))
        elif piece == "…":
            out.append(json.dumps(MARK + "any"))
        elif piece == '"…"':
            out.append(json.dumps(MARK + "text"))
        elif re.fullmatch(r'"<[\w ]+>"', piece):
            out.append(json.dumps(MARK + "name " + piece[2:-2] + " text"))
        elif re.fullmatch(r"<[\w ]+>", piece):
            out.append(json.dumps(MARK + "name " + piece[1:-1] + " other"))
        else:
            out.append(piece)
    return json.loads("".join(out))


def matches(wanted, value, known):
    """Whether a value is what a pattern says; `known` learns what placeholders stand for."""
    if isinstance(wanted, str) and wanted.startswith(MARK):
        kind, _, rest = wanted[1:].partition(" ")
        if kind == "any":
            return True
        if kind == "text":
            return isinstance(value, str)
        name, _, form = rest.rpartition(" ")
        if isinstance(value, str) != (form == "text"):
            return False
        return known.setdefault(name, value) == value
    if isinstance(wanted, dict):
        fields = {k: v for k, v in wanted.items() if k != MARK + "more"}
        return (isinstance(value, dict) and fields.keys() <= value.keys()
                and (len(fields) < len(wanted) or fields.keys() == value.keys())
                and all(matches(v, value[k], known) for k, v in fields.items()))
    if isinstance(wanted, list):
        open_end = wanted[-1:] == [MARK + "more"]
        items = wanted[:-1] if open_end else wanted
        return (isinstance(value, list) and (len(value) >= len(items) if open_end else len(value) == len(items))
                and all(matches(w, v, known) for w, v in zip(items, value)))
    return type(wanted) is type(value) and wanted == value


def filled(text, known):
    """What is sent, as it is written, with placeholders replaced by what they stand for."""
    def value(match):
        name = match[1] or match[2]
        assert name in known, f"<{name}> was not learned before it is sent"
        return json.dumps(known[name], ensure_ascii=False)
    return re.sub(r'"<([\w ]+)>"|<([\w ]+)>', value, text)


def known_commands():
    """The server's table of what clients may send."""
    source = (ROOT / "src/protocol/fields.cpp").read_text()
    table = re.search(r"kCommandTypes = \{(.*?)\};", source, re.DOTALL)[1]
    return set(re.findall(r'"([\w.]+)"', table))


def known_answers():
    """What the server's encoder writes: every type it names in a string."""
    found = set()
    for path in sorted((ROOT / "src/protocol").glob("encode*.cpp")):
        source = path.read_text().replace("\\", "")
        found |= set(re.findall(r'"type":"([\w.]+)"', source))
        found |= set(re.findall(r'"([a-z]+\.[a-z]+)"', source))
    return found


def error_codes():
    """The codes that clients are told, in the order of the header."""
    source = (ROOT / "include/chatcore/error.hpp").read_text()
    body = re.search(r"enum class ErrorCode.*?\{(.*?)\n\n", source, re.DOTALL)[1]
    return re.findall(r"^\s*(\w+),", body, re.MULTILINE)


def close_codes():
    source = (ROOT / "include/chatcore/gateway/seam.hpp").read_text()
    body = re.search(r"enum class CloseCode.*?\{(.*?)\};", source, re.DOTALL)[1]
    return re.findall(r"(\w+) = (\d+)", body)
