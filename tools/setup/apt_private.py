"""A private apt: its own source list, state and cache under build/, so that nothing outside is altered.

The entries are derived from the machine's own (one-line .list files and deb822 .sources files): whatever archive or
mirror this machine trusts for its own release is the one asked for source packages, or for the backports suite.
"""

import os
import re
import subprocess


class SetupError(Exception):
    """What a person must know when set-up cannot go on."""


def release_codename(root="/"):
    """VERSION_CODENAME of the running system, for example 'bookworm'."""
    with open(os.path.join(root, "etc/os-release"), encoding="utf-8") as f:
        for line in f:
            key, _, value = line.strip().partition("=")
            if key == "VERSION_CODENAME":
                return value.strip('"')
    raise SetupError("/etc/os-release names no VERSION_CODENAME; this project's set-up knows Debian 12 and 13")


def _one_line_entries(text):
    pattern = re.compile(r"^(deb|deb-src)\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)$")
    for line in text.splitlines():
        m = pattern.match(line.split("#")[0].strip())
        if not m:
            continue
        options = dict(o.split("=", 1) for o in (m.group(2) or "").split() if "=" in o)
        yield {
            "uris": [m.group(3)],
            "suites": [m.group(4)],
            "components": m.group(5).split(),
            "signed-by": options.get("signed-by", ""),
            "trusted": options.get("trusted", ""),
        }


def _stanza_fields(stanza):
    fields, key = {}, None
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t") and key:
            fields[key] += "\n" + line
        elif ":" in line:
            key, _, value = line.partition(":")
            key = key.strip().lower()
            fields[key] = value.strip()
    return fields


def _deb822_entries(text):
    for stanza in re.split(r"\n\s*\n", text):
        fields = _stanza_fields(stanza)
        if "uris" not in fields or fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        yield {
            "uris": fields["uris"].split(),
            "suites": fields.get("suites", "").split(),
            "components": fields.get("components", "").split(),
            "signed-by": fields.get("signed-by", ""),
            "trusted": fields.get("trusted", ""),
        }


def system_entries(root="/"):
    """Every enabled entry of the machine's own source lists."""
    etc = os.path.join(root, "etc/apt")
    parts = os.path.join(etc, "sources.list.d")
    names = [os.path.join(etc, "sources.list")]
    if os.path.isdir(parts):
        names += [os.path.join(parts, n) for n in sorted(os.listdir(parts))]
    for name in names:
        parse = {".list": _one_line_entries, ".sources": _deb822_entries}.get(os.path.splitext(name)[1])
        if parse and os.path.isfile(name):
            with open(name, encoding="utf-8") as f:
                yield from parse(f.read())


def _is_debian_main(entry, codename):
    return codename in entry["suites"] and "main" in entry["components"]


def _stanza(entry, types, suite):
    lines = [f"Types: {types}", "URIs: " + " ".join(entry["uris"]), f"Suites: {suite}", "Components: main"]
    for key, name in (("signed-by", "Signed-By"), ("trusted", "Trusted")):
        if entry[key]:
            lines.append(f"{name}: {entry[key]}")
    return "\n".join(lines) + "\n"


def derived_sources(types, suite, root="/"):
    """deb822 text for `suite` ('trixie', 'bookworm-backports') of the archive this machine takes its own release from."""
    codename = release_codename(root)
    found = [e for e in system_entries(root) if _is_debian_main(e, codename)]
    if not found:
        raise SetupError(
            f"no apt source of this machine offers suite '{codename}' with component 'main'; "
            "add the Debian archive to /etc/apt/sources.list.d and run again"
        )
    seen, stanzas = set(), []
    for entry in found:
        text = _stanza(entry, types, suite)
        if text not in seen:
            seen.add(text)
            stanzas.append(text)
    return "\n".join(stanzas)


class PrivateApt:
    """apt-get with every directory under `base`; the system's package status is only read."""

    def __init__(self, base, suite, types="deb deb-src"):
        self.base = os.path.join(os.path.abspath(base), suite)
        self.sources = os.path.join(self.base, "sources.list.d")
        for sub in ("sources.list.d", "state/lists/partial", "cache/archives/partial"):
            os.makedirs(os.path.join(self.base, sub), exist_ok=True)
        with open(os.path.join(self.sources, "vitrine.sources"), "w", encoding="utf-8") as f:
            f.write(derived_sources(types, suite))

    def _command(self, tool, args):
        options = {
            "Dir::Etc::sourcelist": "/dev/null",
            "Dir::Etc::sourceparts": self.sources,
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State::lists": os.path.join(self.base, "state/lists"),
            "Dir::Cache": os.path.join(self.base, "cache"),
            "Dir::Cache::archives": os.path.join(self.base, "cache/archives"),
            "Dir::Cache::pkgcache": "",
            "Dir::Cache::srcpkgcache": "",
            "Acquire::Languages": "none",
            "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled": "false",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
            "APT::Update::Post-Invoke-Success::": "",
            "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
        }
        flags = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        return [tool] + flags + args

    def call(self, args, cwd=None, tool="apt-get"):
        """Runs one apt command; its output is shown only when it fails."""
        done = subprocess.run(
            self._command(tool, args), cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        if done.returncode != 0:
            raise SetupError(f"{tool} {' '.join(args)} failed (exit {done.returncode}):\n{done.stdout.strip()}")
        return done.stdout

    def source_uris(self, package):
        """file name -> (URI, hash) of one source package, out of the signed index."""
        rows = re.findall(r"^'([^']+)' (\S+) \d+ (\w+:\w+)$", self.call(["source", "--print-uris", package]), re.M)
        return {name: (uri, digest) for uri, name, digest in rows}

    def download_uri(self, uri, digest, path):
        """Fetches one file by the way apt itself would (its transports, its proxies), checked against `digest`."""
        self.call(["download-file", uri, path, digest], tool="/usr/lib/apt/apt-helper")

    def update(self):
        """Fetches the package lists of the derived entries."""
        self.call(["update"])
