"""From the registry to what the tables say: which types are on the wire, and how each member is."""

import re
from dataclasses import dataclass, field

from registry import Command, RegistryError

# Looks, widths and C sizes of scalars, by the kind that registry.py gives.
SCALARS = {
    "char": ("VN_U8", 1, "VN_LOOK_TEXT"), "u8": ("VN_U8", 1, "VN_LOOK_BYTES"), "u16": ("VN_U16", 2, "VN_LOOK_UNSIGNED"),
    "u32": ("VN_U32", 4, "VN_LOOK_UNSIGNED"), "i32": ("VN_U32", 4, "VN_LOOK_SIGNED"), "float": ("VN_U32", 4, "VN_LOOK_FLOAT"),
    "bool": ("VN_U32", 4, "VN_LOOK_BOOL"), "flags": ("VN_U32", 4, "VN_LOOK_HEX"), "enum": ("VN_U32", 4, "VN_LOOK_ENUM"),
    "u64": ("VN_U64", 8, "VN_LOOK_UNSIGNED"), "i64": ("VN_U64", 8, "VN_LOOK_SIGNED"), "double": ("VN_U64", 8, "VN_LOOK_FLOAT"),
    "flags64": ("VN_U64", 8, "VN_LOOK_HEX"), "enum64": ("VN_U64", 8, "VN_LOOK_HEX"), "size": ("VN_SIZE", 8, "VN_LOOK_UNSIGNED"),
}  # fmt: skip

# What vk.xml leaves unsaid: the inner lengths of arrays of pointers.
INNER = {
    ("vkCmdBuildAccelerationStructuresKHR", "ppBuildRangeInfos"): "pInfos[].geometryCount",
    ("vkCmdBuildAccelerationStructuresIndirectKHR", "ppMaxPrimitiveCounts"): "pInfos[].geometryCount",
}
# Numbers of this process's files: a client that could name them could have any file that is open here.
NEVER_CHAINED = {"VkImportMemoryFdInfoKHR"}
# Extensions whose commands are refused, as venus/protocol lacks their private structs: a newer vk.xml does not change that.
UNDESCRIBED = {"VK_EXT_descriptor_heap"}
# Tags that Mesa's client sends where nothing selects one.
UNTAGGED = {"VkClearColorValue": 2}

# Extensions that belong to the client's side: windows, displays, video, and what hangs on them.
CLIENT_SIDE = re.compile(r"VK_KHR_(surface|swapchain|display|video_\w+|get_surface_capabilities2|present_\w+)\b")


class Unsendable(Exception):
    """This cannot stand on the wire."""


@dataclass
class Field:
    """A member as the table has it; C expressions are strings."""

    name: str
    wire: str = "VN_U32"
    form: str = "VN_VALUE"
    type: str = ""  # struct, handle or scalar name
    length: tuple = ()
    inner: tuple = ()
    fixed: str = "0"
    flags: set = field(default_factory=set)
    look: str = "VN_LOOK_UNSIGNED"
    size: str = "0"
    tags: list = field(default_factory=list)


@dataclass
class Type:
    name: str
    fields: list
    s_type: str = ""
    is_union: bool = False
    is_plain: bool = False
    untagged: int = 0
    chain: list = field(default_factory=list)


@dataclass
class Row:
    """A line of ids.tsv, joined with its command."""

    id: int
    name: str
    how: str
    command: object = None
    args: object = None
    why: str = ""


def read_ids(path):
    rows, seen = [], {}
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if line.startswith("#") or not line.strip():
                continue
            parts = line.rstrip("\n").split("\t")
            if len(parts) != 3 or not parts[0].isdigit() or not re.match(r"auto$|own$|no \S", parts[2]):
                raise RegistryError(f"{path}:{number}: expected 'id<TAB>command<TAB>auto|own|no REASON', found {line.strip()!r}")
            if int(parts[0]) in seen:
                raise RegistryError(f"{path}:{number}: id {parts[0]} is {seen[int(parts[0])]}'s already")
            seen[int(parts[0])] = parts[1]
            how, _, why = parts[2].partition(" ")
            rows.append(Row(int(parts[0]), parts[1], how, why=why))
    return rows


class Model:
    """All that the emitter needs, in order."""

    def __init__(self, registry, rows):
        self.registry, self.rows = registry, rows
        self.types = {}  # name -> Type, those that are on the wire
        self._unsendable = {}
        ids = {registry.real(row.name) for row in rows}
        self.extensions = [e for e in registry.extensions.values() if self._is_spoken(e, ids)]
        self.extensions.sort(key=lambda e: e.number)
        self.spoken = {registry.real(t) for t in registry.core_types}
        self.spoken |= {registry.real(t) for e in self.extensions for t in e.types}
        self.spoken |= {n for n in registry.structs if n.endswith("MESA")}
        for row in rows:
            self._bind(row)
        self._chain_up()
        self.extensions = [e for e in self.extensions if not any(registry.real(t) in self._unsendable for t in e.types)]

    def _is_spoken(self, extension, ids):
        if not extension.is_offered or CLIENT_SIDE.search(extension.depends + " " + extension.name):
            return False
        if extension.name in UNDESCRIBED:
            return False
        return all(self.registry.real(c) in ids for c in extension.commands)

    def _bind(self, row):
        row.command = self.registry.commands.get(self.registry.real(row.name))
        if row.command is None:
            if row.how == "own":
                raise RegistryError(f"ids.tsv: {row.name} is 'own', but no registry describes it")
            row.how, row.why = "no", row.why or "this build's vk.xml does not know it"
            return
        if row.how == "no":
            return
        try:
            row.args = Type("vn_args_" + row.name, self._fields(row.command, row.command.params, True))
        except Unsendable as error:
            raise RegistryError(f"ids.tsv: {row.name} is '{row.how}', but cannot be sent: {error}") from error

    # Structs -----------------------------------------------------------------------------------------------------------

    def type(self, name):
        """The Type of this struct or union, made when first asked for."""
        if name in self._unsendable:
            raise Unsendable(self._unsendable[name])
        if name not in self.types:
            struct = self.registry.structs[name]
            made = self.types[name] = Type(name, [], is_union=struct.is_union, untagged=UNTAGGED.get(name, 0))
            try:
                members = [m for m in struct.members if m.name not in ("sType", "pNext") or struct.is_union]
                made.fields = self._fields(struct, members, False)
            except Unsendable as error:
                del self.types[name]
                self._unsendable[name] = str(error)
                raise
            made.s_type = next((m.values for m in struct.members if m.name == "sType"), "")
            made.is_plain = self._is_plain(made)
        return self.types[name]

    def _is_plain(self, made):
        """All members are scalars of one width, so that there is neither padding nor a count between them."""
        if made.is_union or made.s_type or not made.fields:
            return False
        widths = set()
        for f in made.fields:
            if f.form != "VN_VALUE" or f.wire in ("VN_U8", "VN_U16", "VN_HANDLE"):
                return False
            if f.wire == "VN_STRUCT":
                if not self.types[f.type].is_plain:
                    return False
                widths |= self.widths(self.types[f.type])
            else:
                widths.add(f.wire.replace("SIZE", "U64"))
        return len(widths) == 1

    def widths(self, made):
        return {w for f in made.fields for w in (self.widths(self.types[f.type]) if f.wire == "VN_STRUCT" else {f.wire.replace("SIZE", "U64")})}

    def _chain_up(self):
        """Which structs may hang behind which: repeated until no new type comes, since chained structs contain structs."""
        registry, before = self.registry, -1
        while before != len(self.types):
            before = len(self.types)
            for name, struct in registry.structs.items():
                parents = [registry.real(p) for p in struct.extends]
                if name in self.spoken - NEVER_CHAINED and any(p in self.types for p in parents):
                    try:
                        self.type(name)
                    except Unsendable:
                        continue
        for name in self.types:
            for parent in self.registry.structs[name].extends:
                if registry.real(parent) in self.types and name in self.spoken:
                    self.types[registry.real(parent)].chain.append(name)

    # Members -----------------------------------------------------------------------------------------------------------

    def _fields(self, owner, members, is_params):
        by_name = {m.name: m for m in members}
        lengths = {word for m in members if m.pointers for part in m.length for word in re.findall(r"^\(?(\w+)", part)}
        fields = []
        for index, m in enumerate(members):
            f = self._field(owner, m, by_name)
            if m.name in lengths and f.form in ("VN_VALUE", "VN_POINTER"):
                f.flags.add("VN_IS_LENGTH")
            if is_params and m.pointers and not m.is_const and f.form != "VN_NULL":
                f.flags.add("VN_INOUT" if "VN_IS_LENGTH" in f.flags else "VN_OUT")
            # The first is what a command is called on, even where Vulkan's destroying functions take NULL for it.
            if is_params and f.wire == "VN_HANDLE" and f.form == "VN_VALUE" and (not m.is_optional or index == 0):
                f.flags.add("VN_NEEDED")
            f.tags = self._tags(m, index)
            fields.append(f)
        return fields

    def _tags(self, member, index):
        if not member.selection:
            return [str(index)]
        return [s for s in member.selection]

    def _field(self, owner, m, by_name):
        f = Field(m.name, type=self.registry.real(m.type))
        if m.is_optional:
            f.flags.add("VN_OPTIONAL")
        self._element(f, m)
        if f.form == "VN_NULL":
            return f
        if m.dimensions:
            if len(m.dimensions) > 1 or m.pointers:
                raise Unsendable(f"{owner.name}.{m.name} is an array of arrays")
            f.form, f.fixed = "VN_FIXED", m.dimensions[0]
            if isinstance(owner, Command):  # C makes a pointer of it
                f.form, f.fixed, f.length = "VN_ARRAY", "0", ("CONSTANT", "", None, 4, m.dimensions[0], 1)
        elif m.pointers == 1:
            self._pointer(f, owner, m, by_name)
        elif m.pointers == 2:
            self._pointers(f, owner, m, by_name)
        elif m.pointers:
            raise Unsendable(f"{owner.name}.{m.name} has {m.pointers} stars")
        elif m.selector:
            f.length = self._length(owner, m, m.selector, by_name)
        return f

    def _element(self, f, m):
        registry = self.registry
        if m.is_bitfield:
            raise Unsendable(f"{m.name} is a bit field")
        if f.type in registry.handles:
            f.wire, f.size, f.look = "VN_HANDLE", "8", "VN_LOOK_HEX"
        elif f.type in registry.structs:
            try:
                self.type(f.type)
            except Unsendable:
                if not m.pointers:
                    raise
                f.form = "VN_NULL"
                return
            f.wire, f.size = "VN_STRUCT", f"sizeof({f.type})"
        elif f.type == "void" and m.pointers and m.length:
            f.wire, f.size, f.look = "VN_U8", "1", "VN_LOOK_BYTES"
        else:
            kind = registry.scalars.get(f.type) or self._basic(f.type)
            if kind is None:
                if not m.pointers or m.pointers > 1:
                    raise Unsendable(f"{m.name} is of type {f.type}")
                f.form = "VN_NULL"
                return
            f.wire, size, f.look = SCALARS[kind]
            f.size = str(size)

    @staticmethod
    def _basic(name):
        from registry import BASIC

        return BASIC.get(name)

    def _pointer(self, f, owner, m, by_name):
        if m.length and m.length[0] == "null-terminated":
            f.form = "VN_STRING"
        elif m.length and m.length[0] != "1":
            f.form, f.length = "VN_ARRAY", self._length(owner, m, m.length[0], by_name)
        elif m.type == "void":
            f.form = "VN_NULL"
        else:
            f.form = "VN_POINTER"

    def _pointers(self, f, owner, m, by_name):
        if not m.length:
            raise Unsendable(f"{owner.name}.{m.name} points at pointers of unknown number")
        f.length = self._length(owner, m, m.length[0], by_name)
        inner = INNER.get((owner.name, m.name)) or (m.length[1] if len(m.length) > 1 else "1")
        if inner == "null-terminated":
            f.form = "VN_STRINGS"
        else:
            f.form, f.inner = "VN_POINTERS", self._length(owner, m, inner, by_name)

    def _length(self, owner, m, text, by_name):
        """(kind, sibling, (inner struct, inner member), width, add, divide)."""
        match = re.fullmatch(r"\(?\s*(\w+)\s*(?:\+\s*(\d+)\s*\))?\s*(?:/\s*(\d+))?", text)
        if text.isdigit():
            return ("CONSTANT", "", None, 4, text, 1)
        if re.fullmatch(r"\d+\*[A-Z_]+", text):
            return ("CONSTANT", "", None, 4, text, 1)
        if match and match.group(1) in by_name:
            sibling = by_name[match.group(1)]
            kind = "DEREF" if sibling.pointers else "FIELD"
            return (kind, sibling.name, None, self._width(sibling), match.group(2) or 0, match.group(3) or 1)
        match = re.fullmatch(r"(\w+)(->|\[\]\.)(\w+)", text)
        if match and match.group(1) in by_name:
            struct = self.registry.real(by_name[match.group(1)].type)
            inner = next(i for i in self.registry.structs[struct].members if i.name == match.group(3))
            return ("INNER" if match.group(2) == "->" else "EACH", match.group(1), (struct, inner.name), self._width(inner), 0, 1)
        raise RegistryError(f"line {m.line}: {owner.name}.{m.name}: length {text!r} is not understood; known are 'count', 'pInfo->count', "
                            "'size / 4', '(samples + 31) / 32' and '2*CONSTANT'")  # fmt: skip

    def _width(self, member):
        kind = self.registry.scalars.get(self.registry.real(member.type)) or self._basic(member.type)
        return SCALARS[kind][1] if kind else 4
