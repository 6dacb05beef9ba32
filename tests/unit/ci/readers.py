"""Small readers of what CI systems read, each after that system's own rules and none after ipexenv's code."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command that a system found in a line."""

    name: str
    settings: dict[str, str]
    message: str


GITHUB_COMMANDS = frozenset(
    {
        *("set-env", "set-output", "save-state", "add-path", "add-mask", "debug", "error", "warning", "notice", "echo"),
        *("add-matcher", "remove-matcher", "group", "endgroup", "stop-commands", "internal-set-repo-path"),
    }
)


@dataclass(kw_only=True)
class GitHubLog:
    """GitHub's runner reading a step's output: ActionCommand.cs, ActionCommandManager.cs."""

    stopped_by: str | None = None
    commands: list[Command] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def read(self, text: str) -> GitHubLog:
        for line in dotnet_lines(text):
            self._line(line)
        return self

    def _line(self, line: str) -> None:
        registered = GITHUB_COMMANDS | ({self.stopped_by} if self.stopped_by else set())
        command = _second_version(line, registered) or _first_version(line, registered)
        if self.stopped_by is not None:
            if command is not None and command.name == self.stopped_by:
                self.stopped_by = None
            else:
                self.shown.append(line)
        elif command is None:
            self.shown.append(line)
        elif command.name == "stop-commands":
            self.stopped_by = command.message
        else:
            self.commands.append(command)


def _second_version(line: str, registered: frozenset[str] | set[str]) -> Command | None:
    message = line.lstrip()
    if not message.startswith("::") or (end := message.find("::", 2)) < 0:
        return None
    name, _, rest = message[2:end].partition(" ")
    if name not in registered:
        return None
    settings = dict(pair.split("=", 1) for pair in rest.strip().split(",") if "=" in pair)
    escapes = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))
    data = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
    told = {key: unescaped(value, escapes) for key, value in settings.items()}
    return Command(name=name, settings=told, message=unescaped(message[end + 2 :], data))


def _first_version(line: str, registered: frozenset[str] | set[str]) -> Command | None:
    match = re.search(r"##\[([^\]]*)\](.*)", line, re.DOTALL)
    if match is None or (name := match[1].partition(" ")[0]) not in registered:
        return None
    return Command(name=name, settings={}, message=match[2])


def github_entries(text: str) -> dict[str, str]:
    """Read GITHUB_OUTPUT or GITHUB_ENV as FileCommandManager.cs does: lines end with a line feed and nothing else."""
    found, lines = {}, text.split("\n")
    assert lines.pop() == ""
    at = 0
    while at < len(lines):
        line, at = lines[at], at + 1
        equals, here = line.find("="), line.find("<<")
        if equals >= 0 and (here < 0 or equals < here):
            found[line[:equals]] = line[equals + 1 :]
        elif here > 0:
            mark = line[here + 2 :]
            end = lines.index(mark, at)
            found[line[:here]] = "\n".join(lines[at:end])
            at = end + 1
        else:
            assert not line, f"{line!r} is no entry"
    return found


def azure_commands(text: str, *, percents: bool = True) -> list[Command]:
    """Read a log as the agent of Azure Pipelines does: Command.cs; ``percents`` is DECODE_PERCENTS."""
    escapes = [("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), *([("%AZP25", "%")] if percents else [])]
    found = []
    for line in dotnet_lines(text):
        # A comparison by language passes over letters that are not seen.
        begin = re.search(r"##[^ -~]*v[^ -~]*s[^ -~]*o[^ -~]*\[", line.replace("\xad", ""), re.IGNORECASE)
        if begin is None or (end := line.find("]", begin.end())) < 0:
            continue
        name, _, rest = line[begin.end() : end].partition(" ")
        settings = dict(pair.split("=", 1) for pair in rest.split(";") if "=" in pair)
        told = {key: unescaped(value, escapes) for key, value in settings.items()}
        found.append(Command(name=name, settings=told, message=unescaped(line[end + 1 :], escapes)))
    return found


def gitlab_sections(text: str) -> list[tuple[str, str]]:
    """Return beginnings and ends of sections in a log, as GitLab's converter finds them."""
    marks = re.finditer(r"section_(start|end):(\d+):([a-zA-Z0-9_.-]+)(\[[^\]]*\])?\r\x1b\[0K", text)
    return [(mark[1], mark[3]) for mark in marks]


def gitlab_variables(text: str, others: dict[str, str], *, most: int = 50, most_bytes: int = 5120) -> dict[str, str]:
    """Read a dotenv report as ParseDotenvArtifactService does, and expand it as ExpandVariables does."""
    assert len(text.encode()) < most_bytes
    found = {}
    for line in text.split("\n")[:-1]:
        match = re.search(r"^(.*?)=(.*)$", line)
        assert match, f"{line!r} is no variable, and the whole report is refused"
        name, value = match[1].strip(" \t\n\v\f\r\0"), match[2].strip(" \t\n\v\f\r\0")
        assert re.fullmatch(r"[a-zA-Z0-9_]+", name)
        found[name] = re.sub(
            r"\$(\w+)|\$\{(\w+)\}|%(\w+)%",
            lambda one: others.get(one[1] or one[2] or one[3], ""),
            value,
            flags=re.ASCII,
        )
    assert len(found) <= most
    return found


def java_properties(text: str) -> dict[str, str]:
    """Read a file as java.util.Properties.load does."""
    found = {}
    lines = re.split(r"\r\n|\r|\n", text)
    while lines:
        line = lines.pop(0).lstrip(" \t\f")
        if not line or line[0] in "#!":
            continue
        while re.search(r"(?<!\\)(\\\\)*\\$", line) and lines:
            line = line[:-1] + lines.pop(0).lstrip(" \t\f")
        match = re.match(r"((?:\\.|[^\\ \t\f=:])*)[ \t\f]*[=:]?[ \t\f]*(.*)", line, re.DOTALL)
        assert match
        found[_java_text(match[1])] = _java_text(match[2])
    return found


def _java_text(text: str) -> str:
    letters = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}

    def letter(match: re.Match[str]) -> str:
        return chr(int(match[1], 16)) if match[1] else letters.get(match[2], match[2])

    units = re.sub(r"\\u([0-9a-fA-F]{4})|\\(.)", letter, text, flags=re.DOTALL)
    return units.encode("utf-16", "surrogatepass").decode("utf-16")


def buildkite_headings(text: str) -> list[str]:
    """Return the lines that Buildkite takes for headings; its pages do not say whether blanks may stand before one."""
    return [line for line in re.split(r"[\r\n]+", text) if re.match(r"\s*(---|\+\+\+|~~~|\^\^\^)(\s|$)", line)]


def dotnet_lines(text: str) -> list[str]:
    """Split as .NET's ReadLine does."""
    return re.split(r"\r\n|\r|\n", text)


def unescaped(text: str, escapes: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> str:
    """Replace one escape after the other, as both of the .NET programs do."""
    for escape, letter in escapes:
        text = text.replace(escape, letter)
    return text
