"""What the renderer does with each command of the protocol, for people: docs/venus-commands.md."""

HEAD = """# Venus commands

Generated: `python3 tools/venusgen/generate.py --document build/deps/vulkan/registry/vk.xml venus/protocol > docs/venus-commands.md`;
`./test --only check.venus-commands` says when it is out of date.

- **generated**: decoded, and the host's function of that name is called; objects that it makes or destroys are tracked.
- **by hand**: `vn_on_NAME` in `venus/on_*.c` does more than that.
- **refused**: a client that sends it loses its context, with this reason. No client of Mesa's sends one of these, for the
  capability set and the extensions that devices list do not let it.

"""


def _how(row):
    return {"auto": "generated", "own": "by hand"}.get(row.how) or f"refused: {row.why}"


def document(model):
    counts = {how: sum(row.how == how for row in model.rows) for how in ("auto", "own", "no")}
    out = [HEAD, f"{counts['auto'] + counts['own']} of {len(model.rows)} commands are handled: {counts['auto']} generated, "
           f"{counts['own']} by hand; {counts['no']} are refused. {len(model.extensions)} extensions can be decoded, "
           f"{len(model.types)} structs and unions, {sum(len(t.chain) for t in model.types.values())} places in chains.\n\n",
           "| id | command | |\n|---|---|---|\n"]  # fmt: skip
    out += [f"| {row.id} | `{row.name}` | {_how(row)} |\n" for row in model.rows]
    out += ["\n## Extensions that the capability set announces as decodable\n\n"]
    out += ["What of these a client sees, the host's device decides. Numbers as vk.xml has them.\n\n"]
    out += [", ".join(f"{e.name} ({e.number})" for e in model.extensions) + ".\n"]
    return "".join(out)
