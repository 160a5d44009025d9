"""Writes what a client without a libc needs as C: straight-line functions that put a command's arguments on the wire and take its
answer off it, for the commands of a list alone. The renderer walks tables (emit.py); both say the same, which tests hold them to.

The list, one per line:
    vkCreateFence async    sent and not waited for; its VkResult is that of sending, unless every command is to be checked
    vkGetFenceStatus       sent and waited for
    vkCreateRingMESA alone no function to call it with: only its bytes
    chain VkX              a struct that may stand in a pNext
"""

import re

from emit import HEAD, Emitter
from registry import RegistryError


def read_list(path):
    commands, chains = [], set()
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            words = line.split("#")[0].split()
            if not words:
                continue
            if words[0] == "chain" and len(words) == 2:
                chains.add(words[1])
            elif words[0].startswith("vk") and (words[1:] or ["answered"])[0] in ("async", "alone", "answered") and len(words) <= 2:
                commands.append((words[0], (words[1:] or ["answered"])[0]))
            else:
                raise RegistryError(f"{path}:{number}: expected 'vkX [async|alone]' or 'chain VkX', found {line.strip()!r}")
    return commands, chains


class ClientEmitter:
    def __init__(self, model, commands, chains):
        self.model, self.registry = model, model.registry
        self.commands, self.chains = commands, chains
        self.rows = {row.name: row for row in model.rows}
        self.out, self.done = [], set()

    def header(self):
        self.out = [HEAD, "#ifndef VVK_COMMANDS_H", "#define VVK_COMMANDS_H", "", "#include <vulkan/vulkan_core.h>", "",
                    '#include "virtio/venus.h"', ""]  # fmt: skip
        self._private_structs()
        self.out += ["/* Command ids. */", "enum {"] + [f"    VVK_ID_{n} = {self.rows[n].id}," for n, _ in self.commands if n in self.rows] + ["};", ""]
        for name, how in self.commands:
            row = self.rows.get(name)
            if row is None or row.args is None:
                raise RegistryError(f"the client's list names {name}, which the protocol does not serve")
            self._arguments(row)
            if how != "alone":
                self._call(row, how)
        return "\n".join(self.out + ["#endif", ""])

    def _private_structs(self):
        emitter = Emitter(self.model)
        for name, struct in self.registry.structs.items():
            if name.endswith("MESA") and name in self.model.types and emitter._is_private(name):
                self.out += emitter._private_struct(name, struct)

    # Names and numbers -------------------------------------------------------------------------------------------------

    def _count(self, length, at):
        """The C expression of a length."""
        kind, sibling, inner, _, add, divide = length
        if kind == "CONSTANT":
            return str(add)
        if kind == "EACH":
            raise RegistryError(f"a length for each element ({sibling}) is not written for clients")
        value = {"FIELD": f"{at}{sibling}", "DEREF": f"({at}{sibling} != NULL ? *{at}{sibling} : 0)",
                 "INNER": f"{at}{sibling}->{inner[1] if inner else ''}"}[kind]  # fmt: skip
        value = f"({value} + {add})" if str(add) != "0" else value
        return f"{value} / {divide}" if str(divide) != "1" else value

    def _is_plain(self, f):
        """As the renderer has it: elements that lie in memory as on the wire."""
        return self.model.types[f.type].is_plain if f.wire == "VN_STRUCT" else f.wire != "VN_HANDLE"

    def _function(self, name, lines, parameters, side="writer"):
        variable = "w" if side == "writer" else "r"
        parameter = re.search(r"(\w+)(\[\w*\])?$", parameters).group(1)
        if not any(re.search(rf"\b{parameter}\b", line) for line in lines) and "," not in parameters:
            lines = lines + [f"(void){parameter};"]
        self.out += [f"static inline void\n{name}(struct vvk_{side} *{variable}, {parameters})", "{"]
        self.out += [f"    {line}" for line in lines] + ["}", ""]

    # Writing -----------------------------------------------------------------------------------------------------------

    def _put_value(self, f, what, is_shape):
        """One element, an lvalue."""
        if f.wire == "VN_STRUCT":
            return [f"{self._need_put(f.type, is_shape)}(w, &{what});"]
        if f.wire == "VN_HANDLE":
            return [f"vvk_put_u64(w, (uint64_t)(uintptr_t){what});"]
        if is_shape and "VN_IS_LENGTH" not in f.flags:
            return []
        if f.look == "VN_LOOK_FLOAT":
            return [f"vvk_put_bytes(w, &{what}, {f.size});"]
        wide = f.size == "8"
        return [f"vvk_put_u{64 if wide else 32}(w, (uint{64 if wide else 32}_t){what});"]

    def _put_elements(self, f, what, count, is_shape):
        if self._is_plain(f):
            return [] if is_shape else [f"vvk_put_bytes(w, {what}, (size_t)({count}) * sizeof({what}[0]));"]
        body = self._put_value(f, f"{what}[i]", is_shape)
        return [f"for (uint64_t i = 0; i < ({count}); i++) {{"] + [f"    {line}" for line in body] + ["}"]

    def _put_member(self, f, at, is_shape):
        what = f"{at}{f.name}"
        if f.form == "VN_VALUE":
            return self._put_value(f, what, is_shape)
        if f.form == "VN_FIXED":
            if is_shape and self._is_plain(f) and f.wire != "VN_STRUCT":
                return []
            return [f"vvk_put_u64(w, {f.fixed});"] + self._put_elements(f, what, f.fixed, is_shape)
        if f.form == "VN_POINTER":
            body = self._put_value(f, f"{what}[0]", is_shape)
            return [f"vvk_put_u64(w, {what} != NULL);"] + self._if(f"{what} != NULL", body)
        if f.form == "VN_ARRAY":
            count = self._count(f.length, at)
            body = self._put_elements(f, f"((const uint8_t *){what})" if f.type == "void" else what, count, is_shape)
            return [f"vvk_put_u64(w, {what} != NULL ? {count} : 0);"] + self._if(f"{what} != NULL", body)
        if f.form == "VN_STRING":
            return [f"vvk_put_string(w, {what});"]
        if f.form == "VN_STRINGS":
            return [f"vvk_put_strings(w, {what}, {self._count(f.length, at)});"]
        if f.form == "VN_NULL":
            return ["vvk_put_u64(w, 0);"]
        raise RegistryError(f"{f.name}: arrays of pointers are not written for clients")

    @staticmethod
    def _if(condition, body):
        return [f"if ({condition}) {{"] + [f"    {line}" for line in body] + ["}"] if body else []

    def _chained(self, t):
        return [self.model.types[n] for n in t.chain if n in self.chains]

    def _need_put(self, name, is_shape):
        kind = "shape" if is_shape else "put"
        function = f"vvk_{kind}_{name}"
        if function in self.done:
            return function
        self.done.add(function)
        t = self.model.types[name]
        if t.is_union:
            picked = next((f for f in t.fields if str(t.untagged) in f.tags), None)
            if picked is None:
                raise RegistryError(f"{name} is picked by a selector, which is not written for clients")
            self._function(function, [f"vvk_put_u32(w, {t.untagged});"] + self._put_member(picked, "v->", is_shape), f"const {name} *v")
            return function
        lines = []
        if t.s_type:
            lines = [f"vvk_put_u32(w, (uint32_t){t.s_type});", f"{self._need_put_chain(t, is_shape)}(w, v->pNext);"]
        self._function(function, lines + [f"{self._need_put_body(t, is_shape)}(w, v);"], f"const {name} *v")
        return function

    def _need_put_body(self, t, is_shape):
        function = f"vvk_{'shape' if is_shape else 'put'}_body_{t.name}"
        if function not in self.done:
            self.done.add(function)
            lines = [line for f in t.fields for line in self._put_member(f, "v->", is_shape)]
            self._function(function, lines or ["(void)w;", "(void)v;"], f"const {t.name} *v")
        return function

    def _need_put_chain(self, t, is_shape):
        """The rest of a chain comes first on the wire, then the members of its head."""
        if not self._chained(t):
            return "vvk_put_no_chain"
        function = f"vvk_{'shape' if is_shape else 'put'}_chain_{t.name}"
        if function in self.done:
            return function
        self.done.add(function)
        lines = ["const VkBaseInStructure *link = next;", "vvk_put_u64(w, link != NULL);", "if (link == NULL) {", "    return;", "}", "switch ((int)link->sType) {"]
        for c in self._chained(t):
            lines += [f"case {c.s_type}:", f"    vvk_put_u32(w, (uint32_t){c.s_type});", f"    {function}(w, link->pNext);",
                      f"    {self._need_put_body(c, is_shape)}(w, next);", "    break;"]  # fmt: skip
        lines += [f'default: vvk_refuse(w, "a struct in the pNext of {t.name} that the client\'s list has not"); break;', "}"]
        self._function(function, lines, "const void *next")
        return function

    # Reading -----------------------------------------------------------------------------------------------------------

    def _get_value(self, f, what):
        if f.wire == "VN_STRUCT":
            return [f"{self._need_get(f.type)}(r, &{what});"]
        if f.wire == "VN_HANDLE":  # the id that the client chose
            return ["(void)vvk_take_u64(r);"]
        if f.look == "VN_LOOK_FLOAT":
            return [f"vvk_take_bytes(r, &{what}, {f.size});"]
        return [f"{what} = ({f.type})vvk_take_u{64 if f.size == '8' else 32}(r);"]

    def _get_elements(self, f, what, count):
        if self._is_plain(f):
            return [f"vvk_take_bytes(r, {what}, (size_t)({count}) * sizeof({what}[0]));"]
        return [f"for (uint64_t i = 0; i < ({count}); i++) {{"] + [f"    {line}" for line in self._get_value(f, f"{what}[i]")] + ["}"]

    def _get_member(self, f, at):
        what = f"{at}{f.name}"
        if f.form == "VN_VALUE":
            return self._get_value(f, what)
        if f.form == "VN_FIXED":
            text = [f"{what}[{f.fixed} - 1] = '\\0';"] if f.type == "char" else []
            return [f"vvk_take_count(r, {f.fixed});"] + self._get_elements(f, what, f.fixed) + text
        if f.form == "VN_POINTER":
            return [f"if (vvk_take_present(r, {what} != NULL)) {{"] + [f"    {line}" for line in self._get_value(f, f"{what}[0]")] + ["}"]
        if f.form == "VN_ARRAY":
            body = self._get_elements(f, what, f"{f.name}_count")
            return [f"{{", f"    uint64_t {f.name}_count = vvk_take_up_to(r, {what} != NULL ? {f.name}_room : 0);"] + [f"    {line}" for line in body] + ["}"]  # fmt: skip
        raise RegistryError(f"{f.name}: {f.form} is not read by clients")

    def _need_get(self, name):
        function = f"vvk_get_{name}"
        if function in self.done:
            return function
        self.done.add(function)
        t = self.model.types[name]
        if t.is_union:
            raise RegistryError(f"{name} in an answer is not read by clients")
        lines = []
        if t.s_type:
            lines = [f"vvk_take_tag(r, (uint32_t){t.s_type});", f"{self._need_get_chain(t)}(r, v->pNext);"]
        self._function(function, lines + [f"{self._need_get_body(t)}(r, v);"], f"{name} *v", "reader")
        return function

    def _need_get_body(self, t):
        function = f"vvk_get_body_{t.name}"
        if function not in self.done:
            self.done.add(function)
            lines = [line for f in t.fields for line in self._get_member(f, "v->")] + self._bounds(t)
            self._function(function, lines or ["(void)r;", "(void)v;"], f"{t.name} *v", "reader")
        return function

    def _bounds(self, t):
        """Callers go by a count that the host gave: it must not lead out of its array."""
        members = self.registry.structs[t.name].members
        counted = [m for m in members if m.dimensions and m.length and any(m.length[0] == o.name for o in members)]
        return [f"vvk_take_no_more(r, &v->{m.length[0]}, {m.dimensions[0]});" for m in counted]

    def _need_get_chain(self, t):
        if not self._chained(t):
            return "vvk_take_no_chain"
        function = f"vvk_get_chain_{t.name}"
        if function in self.done:
            return function
        self.done.add(function)
        lines = ["VkBaseOutStructure *link = next;", "if (!vvk_take_present(r, link != NULL) || link == NULL) {", "    return;", "}",
                 "vvk_take_tag(r, (uint32_t)link->sType);", "switch ((int)link->sType) {"]  # fmt: skip
        for c in self._chained(t):
            lines += [f"case {c.s_type}:", f"    {function}(r, link->pNext);", f"    {self._need_get_body(c)}(r, next);", "    break;"]
        self._function(function, lines + ["default: break;", "}"], "void *next", "reader")
        return function

    # Commands ----------------------------------------------------------------------------------------------------------

    def _parameters(self, row):
        """As Vulkan declares them, without allocators, which never leave this side."""
        shown = [p for p in row.command.params if p.type != "VkAllocationCallbacks"]
        texts = []
        for p in shown:
            stars = "*" * p.pointers
            array = "".join(f"[{d}]" for d in p.dimensions)
            texts.append(f"{'const ' if p.is_const else ''}{p.type} {stars}{p.name}{array}")
        return texts, [p.name for p in shown]

    def _arguments(self, row):
        lines = []
        for f in row.args.fields:
            if f.look == "VN_LOOK_FLOAT" and f.form == "VN_VALUE":
                raise RegistryError(f"{row.name}: numbers with fractions by value are not for kernels")
            lines += self._put_member(f, "", "VN_OUT" in f.flags)
        texts, _ = self._parameters(row)
        self._function(f"vvk_args_{row.name}", lines, ", ".join(texts))

    def _ids(self, f):
        """New objects get their ids here."""
        if f.wire != "VN_HANDLE" or "VN_OUT" not in f.flags:
            return []
        new = f"({f.type})(uintptr_t)vvk_new_id(vvk)"
        if f.form == "VN_POINTER":
            return [f"if ({f.name} != NULL) {{", f"    *{f.name} = {new};", "}"]
        count = self._count(f.length, "")
        return [f"for (uint64_t i = 0; {f.name} != NULL && i < ({count}); i++) {{", f"    {f.name}[i] = {new};", "}"]

    def _answer(self, row):
        lines, room = [], []
        for f in row.args.fields:
            if not f.flags & {"VN_OUT", "VN_INOUT"}:
                continue
            if f.form == "VN_ARRAY":  # the room that there was before the answer changed its count
                room.append(f"const uint64_t {f.name}_room = {self._count(f.length, '')};")
            lines += self._get_member(f, "")
        return room, lines

    def _call(self, row, how):
        returns = row.command.returns
        texts, names = self._parameters(row)
        is_void = returns == "void"
        room, answer = self._answer(row)
        kind = "VVK_ANSWERED" if how == "answered" else "VVK_UNANSWERED" if is_void else "VVK_CHECKED"
        lost = "" if is_void else " VK_ERROR_DEVICE_LOST" if returns == "VkResult" else " 0"
        lines = ["struct vvk_call call;"] + ([] if kind == "VVK_UNANSWERED" else room)
        lines += [line for f in row.args.fields for line in self._ids(f)]
        lines += [f"vvk_begin(vvk, &call, VVK_ID_{row.name}, {kind});", f"vvk_args_{row.name}({', '.join(['&call.out'] + names)});"]
        if kind == "VVK_UNANSWERED":
            lines += ["(void)vvk_end(vvk, &call);"]
        else:
            lines += ["if (!vvk_end(vvk, &call)) {", f"    return{lost};", "}"]
            if kind == "VVK_CHECKED":
                lines += ["if (!call.is_answered) {", "    return VK_SUCCESS;", "}"]
            wide = 64 if returns in ("VkDeviceAddress", "uint64_t") else 32
            lines += ["struct vvk_reader *r = &call.in;"] if answer or not is_void else []
            lines += [] if is_void else [f"{returns} returned = ({returns})vvk_take_u{wide}(r);"]
            lines += answer + (["(void)vvk_finish(vvk, &call);"] if is_void else [f"return vvk_finish(vvk, &call) ? returned :{lost};"])
        self.out += [f"static inline {returns}\nvvk_{row.name[2:]}({', '.join(['struct vvk *vvk'] + texts)})", "{"]
        self.out += [f"    {line}" for line in lines] + ["}", ""]
