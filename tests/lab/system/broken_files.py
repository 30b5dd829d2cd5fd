"""Files `lab.toml` with one flaw each, and the message that is expected of it."""

from __future__ import annotations

from typing import NamedTuple

GOOD = """\
code = ["app.py"]

[[process]]
name = "quotes"
command = "python quotes.py --port {port}"

[[process]]
name = "web"
loaded = true
command = "python app.py --fd {fd} --workers {WORKERS}"
env = {DATABASE_URL = "{postgres.url}", QUOTES_URL = "{quotes.url}", WORKERS = 1}
ready = "/ready"
settings = "/ready#settings"
metrics = "/metrics"
stop = {signal = "SIGTERM", patience = "10s"}
check = "python settings.py"

[postgres]
prepare = "python schema.py {postgres.url}"
reset = "reset.sql"

[build]
commands = ["python -m venv .venv", ".venv/bin/pip install -r requirements.txt"]
inputs = ["requirements.txt"]

[compose]
file = "docker-compose.yml"
service = "web"
port = 8000
others = {quotes = 8001}
database = "db"

[url]
base = "http://127.0.0.1:8000"
switch = "sh switch.sh"

[safety]
allow_hosts = ["staging.example.org"]
max_users = 500
max_rate = "1000/s"
max_time = "1h"
"""
FILES = (
    *("app.py", "reset.sql", "requirements.txt", "docker-compose.yml", "notes.txt"),
    *("quotes.py", "schema.py", "settings.py", "switch.sh"),
)


URL_ELSEWHERE = """\
[url]
base = "http://x.org"
processes = true

[safety]
allow_hosts = ["x.org"]
"""


class Broken(NamedTuple):
    """One edit of the good file.

    Attributes:
        name: Of the case.
        old: A piece of the good file; "" for a whole text.
        new: What stands there instead.
        line: That the message names.
        problem: How the problem begins.
        remedy: A part of the remedy.
    """

    name: str
    old: str
    new: str
    line: int | None
    problem: str
    remedy: str


BROKEN = (
    # the text
    Broken("empty", "", "", 1, "this describes no system", "Add [[process]]"),
    Broken("comment-only", "", "# soon\n", 1, "this describes no system", "Add [[process]]"),
    Broken("unclosed-quote", '"web"\nloaded', '"web\nloaded', 8, "a quote that opens", "Close it"),
    Broken("no-equals", 'name = "web"', 'name "web"', 8, "there is no = after this", "key ="),
    Broken("two-values", "loaded = true", "loaded = true true", 9, "there is something", "one key"),
    Broken("bare-text", 'name = "web"', "name = web", 8, "this is not a value", "in quotes"),
    Broken(
        *("no-key", 'name = "web"', '= "web"'),
        *(8, "this line does not begin with a key", "[[process]]"),
    ),
    Broken("key-twice", "loaded = true", 'name = "x"', 9, "this key is given twice", "Keep one"),
    Broken("table-twice", "[build]", "[postgres]", 22, "this table is given twice", "Keep one"),
    Broken("open-list", '"app.py"]', '"app.py"', 3, "a list [ is not closed", 'Write ["a"'),
    Broken("open-group", "WORKERS = 1}", "WORKERS = 1", 11, "a group { is not closed", "Write {A"),
    Broken("open-table", "[postgres]", "[postgres", 18, "the brackets of a table", "[postgres]"),
    Broken("backslash", '"reset.sql"', '"a\\qb"', 20, "there is a backslash", "twice"),
    Broken("date", "loaded = true", "loaded = 2026-11-26", 9, "`loaded` is a date", "in quotes"),
    Broken("zero-byte", '"web"', '"w\\u0000b"', 8, "there is an unprintable", "Remove it"),
    Broken(
        *("one-table", "", '[process]\nname = "web"\n'),
        *(1, "`process` is one table", "[[process]]"),
    ),
    # keys
    Broken("unknown-root", "[build]", "[biuld]", 22, "unknown key `biuld`", "`build`?"),
    Broken("unknown-key", "loaded", "laoded", 9, "unknown key `laoded`", "`loaded`?"),
    Broken("no-name", 'name = "web"\n', "", 7, "item 2 of process has no `name`", "`name =`"),
    Broken("no-command", 'command = "python q', 'cmd = "python q', 5, "unknown key `cmd`", "mand"),
    Broken("number-name", '"web"', "5", 8, "`name` is `5`, not text", 'name = "words'),
    Broken("bad-name", '"web"', '"Web 1"', 8, "`Web 1` is not the name of a process", "web or"),
    Broken("reserved-name", '"web"', '"driver"', 8, "`driver` is a name that the lab", "another"),
    Broken("same-name", '"web"', '"quotes"', 8, "a second process is named `quotes`", "line 4"),
    Broken("loaded-text", "loaded = true", 'loaded = "yes"', 9, "`loaded` is `yes`", "true"),
    Broken(
        *("two-loaded", 'name = "quotes"', 'name = "quotes"\nloaded = true'),
        *(10, "load goes to `web` and to `quotes`", "Keep `loaded"),
    ),
    Broken(
        *("unread-metrics", 'name = "quotes"', 'name = "quotes"\nmetrics = "/metrics"'),
        *(5, "load goes to another process than `quotes`", "Remove `metrics`"),
    ),
    # commands
    Broken("no-words", '"python quotes.py --port {port}"', "[]", 5, "`command` is empty", "python"),
    Broken("no-program", '"python quotes.py --port {port}"', "\"''\"", 5, "`command` is", "python"),
    Broken(
        *("no-database", "", '[[process]]\nname = "a"\ncommand = "x {port} {postgres.url}"\n'),
        *(3, "{postgres.url} has no value: there is no table", "Add one"),
    ),
    Broken("deep", "", f"code = {'[' * 10}{']' * 10}", 1, "this is nested too deeply", "8 levels"),
    Broken(
        *("deeper", "", f"code = {'[' * 9999}{']' * 9999}", None),
        *("this is nested too deeply", "8 levels"),
    ),
    Broken(
        *("url-log", "", '[url]\nbase = "http://localhost:1"\nready = {log = "up"}\n'),
        *(3, "`ready` is a line of a log, and the log", "Write a path"),
    ),
    Broken("empty-command", '"python quotes.py --port {port}"', '" "', 5, "`command` is", "text"),
    Broken("open-command", "python quotes.py", "python 'quotes.py", 5, "`command` has a", "Close"),
    Broken("shell", "--port {port}", "--port {port} | tee x", 5, "`command` has `|`", "sh -c"),
    Broken("variable", "{port}", "{port} $CACHE", 5, "`command` has `$CACHE`", "{CACHE}, a shell"),
    Broken("in-braces", "{port}", "{port} -c=${CACHE}", 5, "`command` has `${CACHE}`", "{CA"),
    Broken("substitution", "{port}", "{port} -w $(nproc)", 5, "`command` has `$(`, and", "sh -c"),
    Broken("backticks", "{port}", "{port} -w `nproc`", 5, "`command` has ``nproc``, and", "sh -c"),
    Broken("home", "{port}", "{port} ~/shop", 5, "`command` has `~/shop`, and no", "single quotes"),
    Broken("every-file", "{port}", "{port} *", 5, "`command` has `*`, and no", "single quotes"),
    Broken("of-sh", "{port}", "{port} sh x $A", 5, "`command` has `$A`, and no shell", "sh -c"),
    Broken("dollar", "{port}", "{port} '${A}'", 5, "`command` has `${A}`, and the $", "{A}, and"),
    Broken("dollar-env", "{quotes.u", "${quotes.u", 11, "`QUOTES_URL` has `${quotes.", "{quot"),
    Broken("assignment", '"python quotes', '"A=1 python quotes', 5, "`command` sets A", "env = {A"),
    Broken("unknown-placeholder", "{port}", "{prot}", 5, "unknown placeholder {prot}", "{port}?"),
    Broken(
        *("no-such-url", "{quotes.url}", "{quote.url}"),
        *(11, "unknown placeholder", "{quotes.url}?"),
    ),
    Broken("no-port-url", "--port {port}", "", 11, "{quotes.url} is of process", "{port}"),
    Broken("lone-brace", "{port}", "{port", 5, "`command` has a `{`", "{{"),
    Broken("json-brace", '"{quotes.url}"', "'{\"a\": 1}'", 11, "`{\"a\": 1}` is not", "Double"),
    Broken("both-ports", "--fd {fd}", "--fd {fd} {port}", 10, "process `web` has both", "Keep"),
    Broken("no-port", "--fd {fd}", "", 13, "`settings` asks process `web`, which has", "{port}"),
    Broken(
        *("fixed-port", "", '[[process]]\nname = "web"\ncommand = "serve --port 8000"\n'),
        *(3, "load goes to `web`, which has no port of its own", "{port}"),
    ),
    Broken("no-postgres", "[postgres]\n", "[x]\n", 18, "unknown key `x`", "It can be"),
    Broken("check-port", "settings.py", "settings.py {fd}", 16, "`check` has the", "Remove it"),
    Broken(
        *("two-checks", 'name = "quotes"', 'name = "quotes"\ncheck = "true"'),
        *(17, "a second process has a `check`", "Keep one"),
    ),
    Broken("env-name", "WORKERS = 1", '"A B" = 1', 11, "`A B` is not the name of an env", "DATABA"),
    Broken("env-lab", "WORKERS = 1", "LAB_RUN = 1", 11, "`LAB_RUN` begins with LAB_", "another"),
    Broken("env-list", "WORKERS = 1", "WORKERS = [1]", 11, "`WORKERS` is a list", "single"),
    Broken("env-text", "env = {", "env = 1 #", 11, "`env` is `1`, not a group", "env = {key"),
    # readiness, settings, metrics, stopping
    Broken("ready-relative", '"/ready"', '"ready"', 12, "`ready` is `ready`, not the", "slash"),
    Broken("ready-both", '"/ready"', '{path = "/", log = "up"}', 12, "`log` is given", "Keep one"),
    Broken("ready-none", '"/ready"', '{within = "5s"}', 12, "`ready` has none of", "Add one"),
    Broken("ready-never", '"/ready"', '{log = "x", within = "0s"}', 12, "`within` must", "1s"),
    Broken("within-bare", '"/ready"', '{log = "x", within = 5}', 12, "`within` is `5`", "4s"),
    Broken("settings-url", '"/ready#s', '"http://x/#s', 13, "`settings` is `http://x/#s", "#"),
    Broken("settings-dots", "#settings", "#a..b", 13, "`settings` has an empty key", "#settings"),
    Broken("metrics-query", '"/metrics"', '"/met rics"', 14, "`metrics` is `/met rics`", "slash"),
    Broken(
        *("metric-labels", '"/metrics"', """{path = "/m", requests = 'a{b="c"}'}"""),
        *(14, '`requests` is `a{b="c"}`, not the name of a metric', "without labels"),
    ),
    Broken(
        *("metric-path", '"/metrics"', '{requests = "a"}'),
        *(14, "`metrics` has no `path`", "path ="),
    ),
    Broken("signal", '"SIGTERM"', '"TERM"', 15, "`TERM` is not a signal", "`SIGTERM`?"),
    Broken("patience", '"10s"', '"10 minutes"', 15, "`patience` is `10 minutes`", "4s"),
    # tables
    Broken(
        *("reset-command", '"reset.sql"', '"python reset.py"'),
        *(20, "`reset` is `python reset.py`, not an", "A command stands before the first table"),
    ),
    Broken(
        *("reset-empty", '["app.py"]', '["app.py"]\nreset = ""'),
        *(2, "`reset` is empty", "after `reset =`"),
    ),
    Broken(
        *("reset-no-words", '["app.py"]', '["app.py"]\nreset = []'),
        *(2, "`reset` is empty", 'Write reset = "python script.py"'),
    ),
    Broken(
        *("reset-port", '["app.py"]', '["app.py"]\nreset = "python reset.py {port}"'),
        *(2, "unknown placeholder {port}", "{quotes.url}"),
    ),
    Broken(
        *("reset-assigns", '["app.py"]', '["app.py"]\nreset = "A=1 true"'),
        *(2, "`reset` sets A before", "`env A=1` before the program"),
    ),
    Broken(
        *("reset-of-process", 'ready = "/ready"', 'reset = "true"'),
        *(12, "`reset` stands in a [[process]]", "before the first table"),
    ),
    Broken(
        *("reset-in-compose", 'database = "db"', 'database = "db"\nreset = "a {web.prt}"'),
        *(32, "unknown placeholder {web.prt}", "Did you mean {web.port}?"),
    ),
    Broken(
        *("reset-without-database", 'database = "db"', 'reset = "a {postgres.url}"'),
        *(31, "{postgres.url} has no value: [compose] names", "database ="),
    ),
    Broken(
        *("reset-of-url", '"sh switch.sh"', '"sh switch.sh"\nreset = "a {quotes.url}"'),
        *(36, "`reset` has the placeholder {quotes.url}", "environment variables"),
    ),
    Broken(
        *("reset-pipe", '["app.py"]', '["app.py"]\nreset = "cat a | sh"'),
        *(2, "`reset` has `|`", "a shell of your own"),
    ),
    Broken("reset-missing", '"reset.sql"', '"rest.sql"', 20, "`reset` is `rest.sql`, and", "path"),
    Broken(
        *("reset-text", '"reset.sql"', '"notes.txt"'),
        *(20, "`reset` is `notes.txt`, not an", "Write"),
    ),
    Broken(
        *("reset-outside", '"reset.sql"', '"../r.sql"'),
        *(20, "`reset` is `../r.sql`, which", "`..`"),
    ),
    Broken(
        *("prepare-port", "schema.py {po", "s {port} {po"),
        *(19, "unknown placeholder {port}", "{po"),
    ),
    Broken("code-missing", '"app.py"]', '"src"]', 1, "item 1 of code is `src`, and there", "path"),
    Broken("code-text", '["app.py"]', '"app.py"', 1, "`code` is `app.py`, not a list", "brackets"),
    Broken(
        *("code-twice", '["app.py"]', '["app.py", "app.py"]'),
        *(1, "`code` names `app.py` tw", "one"),
    ),
    Broken("build-empty", "commands = [", "commands = [] #", 23, "`commands` is empty", "Add one"),
    Broken("build-inputs", '["requirements.txt"]', '["req.txt"]', 24, "item 1 of inputs", "path"),
    Broken("compose-file", '"docker-compose.yml"', '"compose.yml"', 27, "`file` is `comp", "path"),
    Broken("compose-port", "port = 8000", "port = 80000", 29, "`port` is 80000", "from 1 to 65535"),
    Broken("compose-no-port", "port = 8000\n", "", 26, "`compose` has no `port`", "`port =`"),
    Broken("compose-service", 'service = "web"', 'service = "w b"', 28, "`w b` is not", "Compose"),
    Broken(
        *("compose-asked-twice", "port = 8000\n", 'port = 8000\nready = "/ready"\n'),
        *(30, "`ready` stands in [compose], and there is a [[process]]", "Move it"),
    ),
    Broken(
        *("url-processes", "", URL_ELSEWHERE),
        *(3, "`processes` is true, and x.org is another machine", "Remove it"),
    ),
    Broken(
        *("reset-of-none", "", 'reset = "true"\n[url]\nbase = "http://127.0.0.1:8000"\n'),
        *(1, "`reset` stands at the root, and there is no [[process]]", "into [compose] or [url]"),
    ),
    Broken("others-unknown", "{quotes =", "{prices =", 30, "there is no process named", "quotes"),
    Broken("others-loaded", "{quotes =", "{web =", 30, "`others` names `web`, the", "Remove it"),
    Broken(
        *("url-https", "http://127", "https://127"),
        *(34, "`https://127.0.0.1:8000` is not", "base ="),
    ),
    Broken(
        *("url-path", ":8000\"\nswitch", ":8000/api\"\nswitch"),
        *(34, "`http://127.0.0.1:8000/a", "path"),
    ),
    Broken("url-port", "127.0.0.1:8000", "127.0.0.1:http", 34, "`http://127.0.0.1:http`", "base ="),
    Broken(
        *("url-host", "127.0.0.1:8000", "shop.example.org"),
        *(34, "`shop.example.org` is", "allow_h"),
    ),
    Broken("switch-placeholder", "switch.sh", "s.sh {WORKERS}", 35, "`switch` has the", "Remove"),
    Broken("hosts-url", '"staging.', '"http://staging.', 38, "`http://staging", "alone"),
    Broken("hosts-twice", '.org"]', '.org", "a", "a"]', 38, "`allow_hosts` names `a`", "Keep one"),
    Broken("max-users", "500", "0", 39, "`max_users` is 0", "from 1"),
    Broken("max-rate", '"1000/s"', '"0/s"', 40, "`max_rate` is not above 0", "500"),
    Broken("max-time", '"1h"', '"1 day"', 41, "`max_time` is `1 day`, not a duration", "4s"),
    Broken("package", "[[process]]\nname = \"q", "packages = [\"a b\"]\n[[process]]\nname = \"q",
           3, "`a b` is not the name of a package", "fastapi"),
)  # fmt: skip


def text_of(broken: Broken) -> str:
    """The broken file."""
    if not broken.old:
        return broken.new
    assert broken.old in GOOD, broken.name
    return GOOD.replace(broken.old, broken.new, 1)
