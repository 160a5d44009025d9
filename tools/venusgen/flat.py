"""Straight-line decoders for commands whose bytes have one fixed layout: values, handles, and structs of those without a chain.

Each looks once whether the bytes have that layout, then takes them from where they must be.  Whatever else comes is left to the
walk over the tables (venus/decode.c), which also finds the words for what is wrong.
"""

SCALAR_BYTES = {"VN_U32": 4, "VN_U64": 8, "VN_SIZE": 8}


class NotFlat(Exception):
    """Its length depends on what it says."""


class FlatEmitter:
    def __init__(self, emitter):
        self._functions = {}  # name of a command -> lines
        for row in emitter.model.rows:
            if row.args:
                self._add(emitter, row)

    def __contains__(self, name):
        return name in self._functions

    def functions(self):
        return [line for lines in self._functions.values() for line in lines]

    def _add(self, emitter, row):
        layout = Layout(emitter)
        try:
            layout.members(row.args, "args", "struct " + row.args.name)
        except NotFlat:
            return
        self._functions[row.name] = layout.function(row)


class Layout:
    """What stands where in the bytes of one command, from behind its head."""

    def __init__(self, emitter):
        self.emitter, self.model = emitter, emitter.model
        self.at, self.checks, self.places, self.steps = 0, [], [], []

    def members(self, owner, place, c_name):
        index = 0
        while index < len(owner.fields):
            f = owner.fields[index]
            count, _ = self.emitter.run(owner, index)
            if count:
                self._run(owner.fields[index : index + count], place, c_name)
            elif f.form == "VN_NULL":
                self._expect("u64", 8, "0")
            elif f.form == "VN_VALUE" and f.wire == "VN_HANDLE":
                self._handle(f, place)
            elif f.form == "VN_POINTER":
                self._pointed(f, place)
            else:
                raise NotFlat
            index += count or 1

    def _expect(self, kind, size, value):
        self.checks.append(f"vn_is_{kind}(in + {self.at}, {value})")
        self.at += size

    def _run(self, fields, place, c_name):
        size = sum(self._bytes(f) for f in fields)
        self.steps.append(f"    memcpy((uint8_t *)&to->{place} + offsetof({c_name}, {fields[0].name}), in + {self.at}, {size});")
        self.at += size

    def _bytes(self, f):
        if f.wire == "VN_STRUCT":
            return sum(self._bytes(inner) for inner in self.model.types[f.type].fields)
        return SCALAR_BYTES[f.wire]

    def _handle(self, f, place):
        needed = "true" if "VN_NEEDED" in f.flags else "false"
        self.steps += [f"    if (!vn_flat_handle(exec, VN_HANDLE_{f.type}, {needed}, in + {self.at}, &to->{place}.{f.name})) {{",
                       "        return vn_flat_leave(exec);", "    }"]  # fmt: skip
        self.at += 8

    def _pointed(self, f, place):
        """One struct, or the id of one new object."""
        is_out = "VN_OUT" in f.flags
        if f.wire != ("VN_HANDLE" if is_out else "VN_STRUCT") or place != "args" or "VN_INOUT" in f.flags:
            raise NotFlat
        self._expect("u64", 8, "1")
        self.places.append(f"        {f.type} {f.name};")
        self.steps.append(f"    to->args.{f.name} = &to->{f.name};")
        if is_out:
            self.steps.append(f"    memcpy(&to->{f.name}, in + {self.at}, 8);")
            self.at += 8
            return
        struct = self.model.types[f.type]
        if struct.is_union:
            raise NotFlat
        if struct.s_type:
            self.steps.append(f"    to->{f.name}.sType = {struct.s_type};")
            self._expect("u32", 4, struct.s_type)
            self._expect("u64", 8, "0")
        self.members(struct, f.name, f.type)

    def function(self, row):
        checks = "".join(f" || !{c}" for c in self.checks)
        return [f"void *\nvn_flat_{row.name}(struct vn_exec *exec)", "{",
                "    struct {", f"        struct vn_args_{row.name} args;"] + self.places + ["    } *to;",
                "    const uint8_t *in = exec->in.at;",
                f"    if ((size_t)(exec->in.end - in) < {self.at}{checks} || !(to = vn_arena_alloc(&exec->arena, sizeof(*to)))) {{",
                "        return NULL;", "    }"] + self.steps + [f"    exec->in.at = in + {self.at};", "    return &to->args;", "}", ""]  # fmt: skip
