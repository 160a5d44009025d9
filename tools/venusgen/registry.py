"""Reads vk.xml, and the private commands and structs of Venus in the same form, into plain Python objects.

Only what can stand on the wire matters: the serialisable commands, structs and unions, and what they are made of.
"""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from xml.parsers import expat


class RegistryError(Exception):
    """A registry that cannot be understood: file, line, and what was expected."""


class _Element(ET.Element):
    """Remembers its line, so that an error can name it."""

    line = 0


def parse(path):
    """The root of an XML file whose elements know their lines."""
    parser = expat.ParserCreate()

    def start(tag, attributes):
        builder.start(tag, attributes).line = parser.CurrentLineNumber

    builder = ET.TreeBuilder(element_factory=_Element)
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, builder.end, builder.data
    parser.buffer_text = True
    try:
        with open(path, "rb") as f:
            parser.ParseFile(f)
    except expat.ExpatError as error:
        raise RegistryError(f"{path}:{error.lineno}: not well-formed XML: {expat.ErrorString(error.code)}") from error
    return builder.close()


@dataclass
class Member:
    """A member of a struct or union, or a parameter of a command."""

    name: str
    type: str
    is_const: bool  # of what the (outer) pointer points at
    pointers: int
    dimensions: list  # of a fixed array, as C has them
    length: list  # the `len` of each pointer level, outermost first, C expressions
    is_optional: bool
    values: str  # of an sType
    selector: str
    selection: list
    is_bitfield: bool
    line: int


@dataclass
class Struct:
    name: str
    is_union: bool
    members: list
    extends: list
    is_returned_only: bool
    line: int


@dataclass
class Command:
    name: str
    returns: str
    params: list
    line: int


@dataclass
class Extension:
    name: str
    number: int
    spec_version: str
    is_offered: bool  # by the API that we speak, on every platform, final
    depends: str
    commands: set
    types: set


@dataclass
class Registry:
    scalars: dict = field(default_factory=dict)  # type -> 'u8', 'u16', 'u32', 'i32', 'float', 'u64', ...
    enums: dict = field(default_factory=dict)  # type -> [(name, value)]
    bits: set = field(default_factory=set)  # enums which are flag bits
    handles: dict = field(default_factory=dict)  # type -> VkObjectType enumerant
    structs: dict = field(default_factory=dict)
    commands: dict = field(default_factory=dict)
    aliases: dict = field(default_factory=dict)  # type, command or enumerant -> what it stands for
    extensions: dict = field(default_factory=dict)
    core_types: set = field(default_factory=set)

    def real(self, name):
        while name in self.aliases:
            name = self.aliases[name]
        return name


BASIC = {
    "char": "char", "uint8_t": "u8", "int8_t": "u8", "uint16_t": "u16", "int16_t": "u16", "uint32_t": "u32", "int32_t": "i32",
    "int": "i32", "float": "float", "uint64_t": "u64", "int64_t": "i64", "double": "double", "size_t": "size",
}  # fmt: skip


def _for_us(element):
    api = element.get("api")
    return api is None or "vulkan" in api.split(",")


class Reader:
    """Fills one Registry from any number of files."""

    def __init__(self):
        self.registry = Registry()
        self.path = ""
        self._pending = []  # enumerants that extensions add

    def fail(self, element, what):
        raise RegistryError(f"{self.path}:{getattr(element, 'line', 0)}: {what}")

    def need(self, element, attribute):
        value = element.get(attribute)
        if value is None:
            self.fail(element, f"<{element.tag}> has no '{attribute}'")
        return value

    def text(self, element, path):
        found = element.find(path)
        if found is None or not (found.text or "").strip():
            self.fail(element, f"<{element.tag}> has no <{path}>")
        return found.text.strip()

    def read(self, path):
        self.path = path
        root = parse(path)
        if root.tag != "registry":
            self.fail(root, f"the root is <{root.tag}>, where <registry> is expected")
        for types in root.findall("types"):
            for element in types.findall("type"):
                self._type(element)
        for enums in root.findall("enums"):
            self._enums(enums)
        for commands in root.findall("commands"):
            for element in commands.findall("command"):
                self._command(element)
        for feature in root.findall("feature"):
            self._feature(feature)
        for extension in root.findall("extensions/extension"):
            self._extension(extension)
        return self.registry

    def _type(self, element):
        if not _for_us(element):
            return
        registry, category = self.registry, element.get("category")
        name = element.get("name") or (element.findtext("name") or "").strip()
        if not name:
            return
        if element.get("alias"):
            registry.aliases[name] = element.get("alias")
        elif category == "basetype":
            kind = BASIC.get((element.findtext("type") or "").strip())
            if kind and "*" not in "".join(element.itertext()):
                registry.scalars[name] = {"u32": "bool"}.get(kind, kind) if name == "VkBool32" else kind
        elif category == "bitmask":
            is_64 = (element.findtext("type") or "") == "VkFlags64"
            registry.scalars[name] = "flags64" if is_64 else "flags"
        elif category == "enum":
            registry.scalars.setdefault(name, "enum")
        elif category == "handle":
            registry.handles[name] = self.need(element, "objtypeenum")
        elif category in ("struct", "union"):
            registry.structs[name] = Struct(
                name, category == "union", [self._member(m) for m in element.findall("member") if _for_us(m)],
                [e for e in element.get("structextends", "").split(",") if e],
                element.get("returnedonly") == "true", element.line)  # fmt: skip

    def _member(self, element):
        name, kind = self.text(element, "name"), self.text(element, "type")
        before, after = self._around(element)
        length = element.get("altlen") or element.get("len") or ""
        optional = element.get("optional", "").split(",")
        return Member(
            name, kind, "const" in before, before.count("*"), re.findall(r"\[\s*(\w+)\s*\]", after),
            [] if not length else [part.strip() for part in length.split(",")],
            optional[0] == "true" or element.get("noautovalidity") == "true",
            element.get("values", ""), element.get("selector", ""),
            [s for s in element.get("selection", "").split(",") if s],
            bool(re.match(r"\s*:\s*\d", after)), element.line)  # fmt: skip

    def _around(self, element):
        """The C text of a member before and after its name."""
        before, after, seen = element.text or "", "", False
        for part in element:
            text = "" if part.tag == "comment" or part.tag == "name" else part.text or ""
            seen = seen or part.tag == "name"
            before, after = (before, after + text + (part.tail or "")) if seen else (before + text + (part.tail or ""), after)
        return before, after

    def _enums(self, element):
        name, kind = element.get("name", ""), element.get("type")
        if kind not in ("enum", "bitmask"):
            return
        if kind == "bitmask":
            self.registry.bits.add(name)
        if element.get("bitwidth") == "64":
            self.registry.scalars[name] = "enum64"
        values = self.registry.enums.setdefault(name, [])
        for value in element.findall("enum"):
            self._enumerant(values, value, None)

    def _enumerant(self, values, element, extension_number):
        name = self.need(element, "name")
        if element.get("alias"):
            self.registry.aliases[name] = element.get("alias")
        elif element.get("value") is not None:
            values.append((name, int(element.get("value"), 0)))
        elif element.get("bitpos") is not None:
            values.append((name, 1 << int(element.get("bitpos"))))
        elif element.get("offset") is not None:
            number = int(element.get("extnumber") or extension_number or 0)
            value = 1000000000 + (number - 1) * 1000 + int(element.get("offset"))
            values.append((name, -value if element.get("dir") == "-" else value))

    def _command(self, element):
        if not _for_us(element):
            return
        if element.get("alias"):
            self.registry.aliases[self.need(element, "name")] = element.get("alias")
            return
        name = self.text(element, "proto/name")
        params = [self._member(p) for p in element.findall("param") if _for_us(p)]
        self.registry.commands[name] = Command(name, self.text(element, "proto/type"), params, element.line)

    def _require(self, element, extension_number, commands, types):
        for require in element.findall("require"):
            if not _for_us(require):
                continue
            if not require.get("depends"):  # what is there only beside another extension does not make this one
                commands.update(self.need(c, "name") for c in require.findall("command"))
            types.update(self.need(t, "name") for t in require.findall("type"))
            for value in require.findall("enum"):
                if value.get("extends") and _for_us(value):
                    self._enumerant(self.registry.enums.setdefault(value.get("extends"), []), value, extension_number)

    def _feature(self, element):
        if _for_us(element):
            self._require(element, None, set(), self.registry.core_types)

    def _extension(self, element):
        name, number = self.need(element, "name"), int(self.need(element, "number"))
        offered = "vulkan" in element.get("supported", "").split(",") and not element.get("platform")
        offered = offered and element.get("provisional") != "true"
        extension = Extension(name, number, "1", offered, element.get("depends", ""), set(), set())
        for value in element.iter("enum"):
            if value.get("name", "").endswith("_SPEC_VERSION") and value.get("value"):
                extension.spec_version = value.get("value")
        if offered:
            self._require(element, number, extension.commands, extension.types)
        self.registry.extensions[name] = extension
