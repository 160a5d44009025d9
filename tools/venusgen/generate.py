#!/usr/bin/env python3
"""Makes the Venus renderer's tables from vk.xml and venus/protocol.

usage: generate.py VK_XML PROTOCOL_DIR OUT_DIR
       generate.py --document VK_XML PROTOCOL_DIR       prints docs/venus-commands.md
       generate.py --client LIST VK_XML PROTOCOL_DIR OUT_FILE

Writes OUT_DIR/vn_args.h (argument structs), vn_tables.c (how each looks on the wire), vn_thunks.c (calls of the host) and
vn_flat.c (those that have one fixed layout, decoded in a straight line).
With --client: the header of a client without a libc, for the commands of LIST (client.py).
PROTOCOL_DIR holds ids.tsv (command ids and how each is served) and private.xml (what Venus adds to Vulkan).
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from client import ClientEmitter, read_list  # noqa: E402
from document import document  # noqa: E402
from emit import Emitter  # noqa: E402
from model import Model, read_ids  # noqa: E402
from registry import Reader, RegistryError  # noqa: E402


def write(path, text):
    """Leaves a file alone that is right already, so that make has nothing to do."""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            if f.read() == text:
                return
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def build(vk_xml, protocol):
    reader = Reader()
    for path in (vk_xml, os.path.join(protocol, "private.xml")):
        reader.read(path)
    return Model(reader.registry, read_ids(os.path.join(protocol, "ids.tsv")))


def main(argv):
    if len(argv) != (5 if argv[:1] == ["--client"] else 3):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        if argv[0] == "--document":
            print(document(build(argv[1], argv[2])), end="")
            return 0
        if argv[0] == "--client":
            text = ClientEmitter(build(argv[2], argv[3]), *read_list(argv[1])).header()
            os.makedirs(os.path.dirname(argv[4]), exist_ok=True)
            write(argv[4], text)
            return 0
        emitter = Emitter(build(argv[0], argv[1]))
    except (RegistryError, OSError) as error:
        print(f"generate.py: {error}", file=sys.stderr)
        return 1
    os.makedirs(argv[2], exist_ok=True)
    write(os.path.join(argv[2], "vn_args.h"), emitter.header())
    write(os.path.join(argv[2], "vn_tables.c"), emitter.tables())
    write(os.path.join(argv[2], "vn_thunks.c"), emitter.thunks())
    write(os.path.join(argv[2], "vn_flat.c"), emitter.flat_decoders())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
