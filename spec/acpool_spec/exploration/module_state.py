"""Which variables of modules and classes a run can depend on: those that its code can name, itself or through what it calls.

Found by reading the code, once for each code object and class: the names that it loads, and those that the functions, classes and
modules behind these names load in turn. Taken for granted: functions, classes and modules stay bound to the names under which
they were found, and so do the numbers and texts of a class where no code at hand binds others; the standard library, the checker,
and installed distributions other than the one that the code belongs to keep nothing in their modules that matters to it; and
nobody reaches a variable by a name that is put together at run time.
"""

from __future__ import annotations

import builtins
import contextvars
import dataclasses
import dis
import enum
import functools
import logging
import re
import sys
import sysconfig
import types
from typing import Any, NamedTuple, cast

_STANDARD = frozenset(sys.stdlib_module_names)
_CHECKER = "acpool_spec"
_POOLS = "acpool_spec.pools"
_INSTALLED = tuple({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
_LOADS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_MOST = 4096
_SPECIAL = frozenset({"_abc_impl", "_fields", "_field_defaults"})
_STORES = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL"})
_NO_DEFAULT = type(cast("object", getattr(dataclasses, "_HAS_DEFAULT_FACTORY", None)))
_ATOMS: tuple[type, ...] = (
    _NO_DEFAULT,
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    range,
    type(None),
    type(...),
    enum.Enum,
)
OPAQUE = (
    types.ModuleType,
    types.BuiltinFunctionType,
    types.CodeType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.GenericAlias,
    logging.Logger,
    re.Pattern,
    contextvars.ContextVar,
)
"""Types of what has no content that changes."""


class Variables(NamedTuple):
    """``named``: variables by the dictionaries they are in; ``held``: classes and functions that have something to them besides
    code."""

    named: tuple[tuple[dict[str, Any], str], ...]
    held: tuple[object, ...]


NONE = Variables((), ())
_OF_CODE: dict[int, tuple[types.CodeType, dict[str, Any], Variables]] = {}
_OF_CLASS: dict[type, Variables] = {}


def variables_of(code: types.CodeType, names: dict[str, Any]) -> Variables:
    """What ``code``, whose module's variables are ``names``, can reach."""
    known = _OF_CODE.get(id(code))  # by identity: a code object's hash is that of all its contents
    if known is None or known[1] is not names:
        if len(_OF_CODE) >= _MOST:
            _OF_CODE.clear()
        search = _Search(str(names.get("__name__", "")))
        search.code(code, names)
        known = _OF_CODE[id(code)] = code, names, search.run()
    return known[2]


def variables_of_class(kind: type) -> Variables:
    """What the methods of ``kind`` can reach."""
    known = _OF_CLASS.get(kind)
    if known is None:
        if len(_OF_CLASS) >= _MOST:
            _OF_CLASS.clear()
        search = _Search(kind.__module__)
        search.kind(kind)
        known = _OF_CLASS[kind] = search.run()
    return known


def is_state(name: str, member: object) -> bool:
    """Whether a member of a class is more than code: what descriptors and the names of the language stand for is not."""
    special = name[:2] == "__" == name[-2:] or name in _SPECIAL
    return not special and not isinstance(member, type) and not hasattr(type(member), "__get__")


class _Search:
    """One search, from code of ``module``."""

    def __init__(self, module: str) -> None:
        self._home = module.partition(".")[0]
        self._left: list[tuple[types.CodeType, dict[str, Any]]] = []
        self._seen: set[tuple[int, ...]] = set()
        self._named: dict[tuple[int, str], tuple[dict[str, Any], str]] = {}
        self._held: dict[int, object] = {}
        self._classes: list[type] = []
        self._stored: set[str] = set()

    def run(self) -> Variables:
        """Search until nothing new is found."""
        while self._left:
            code, names = self._left.pop()
            for instruction in dis.get_instructions(code):
                if instruction.opname in _LOADS:
                    self._name(names, instruction.argval, code)
                elif instruction.opname in _STORES:
                    self._named[id(names), instruction.argval] = names, instruction.argval
                elif instruction.opname == "STORE_ATTR":
                    self._stored.add(instruction.argval)
                elif instruction.opname == "IMPORT_NAME":
                    for name in (instruction.argval, instruction.argval.partition(".")[0]):
                        self._value(sys.modules.get(name), code)
        for base in self._classes:
            if any(
                name in self._stored or not isinstance(member, _ATOMS)
                for name, member in list(vars(base).items())
                if is_state(name, member)
            ):
                self._held[id(base)] = base
        if not self._named and not self._held:
            return NONE
        return Variables(tuple(self._named.values()), tuple(self._held.values()))

    def code(self, code: types.CodeType, names: dict[str, Any]) -> None:
        """Read ``code``, and what is defined in it."""
        if self._is_other(str(names.get("__name__", ""))) or not self._is_new(id(code), id(names)):
            return
        self._left.append((code, names))
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self.code(constant, names)

    def kind(self, kind: type) -> None:
        """Read the methods of a class and of those above it."""
        above: tuple[type, ...] = kind.__mro__
        for base in above:
            if self._is_other(base.__module__) or not self._is_new(id(base)):
                continue
            members: dict[str, Any] = dict(vars(base))
            if not _is_enumeration(base):
                self._classes.append(base)
            for member in members.values():
                self._value(member, None)

    def _name(self, names: dict[str, Any], name: str, code: types.CodeType | None) -> None:
        value = names.get(name, _Search)
        if value is _Search:
            if not hasattr(builtins, name):
                self._named[id(names), name] = names, name  # nobody has set it yet
        elif not isinstance(value, enum.Enum) and not self._value(value, code):
            self._named[id(names), name] = names, name

    def _value(self, value: Any, code: types.CodeType | None) -> bool:
        """Go on behind ``value``; whether it is code, or something that leads to code."""
        if isinstance(value, types.FunctionType):
            self._function(value, code)
        elif isinstance(value, staticmethod | classmethod):
            self._value(cast("Any", value).__func__, code)
        elif isinstance(value, types.CellType):
            try:
                content = value.cell_contents
                return isinstance(content, _ATOMS) or self._value(content, code)
            except ValueError:  # nobody has set it yet
                return False
        elif isinstance(value, property):
            for each in (value.fget, value.fset, value.fdel):
                self._value(each, code)
        elif isinstance(value, functools.cached_property):
            self._value(cast("Any", value).func, code)
        elif isinstance(value, type):
            self.kind(value)
        elif isinstance(value, types.ModuleType):
            if code is not None and not self._is_other(value.__name__) and self._is_new(id(value), id(code)):
                members = vars(value)
                for name in code.co_names:
                    if name in members:
                        self._name(members, name, code)
        else:
            return isinstance(value, OPAQUE)
        return True

    def _function(self, value: types.FunctionType, code: types.CodeType | None) -> None:
        if self._is_other(str(value.__globals__.get("__name__", ""))):
            return
        defaults = (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values())
        if (
            (value.__closure__ and _rebinds(value.__code__))
            or not all(self._value(cell, code) for cell in value.__closure__ or ())
            or not all(isinstance(each, _ATOMS) or self._value(each, code) for each in defaults)
        ):
            self._held[id(value)] = value
        self.code(value.__code__, value.__globals__)

    def _is_new(self, *what: int) -> bool:
        if what in self._seen:
            return False
        self._seen.add(what)
        return True

    def _is_other(self, module: str) -> bool:
        top = module.partition(".")[0]
        if top in _STANDARD or (top == _CHECKER and not module.startswith(_POOLS)):
            return True
        return top != self._home and _is_installed(top)


def _is_enumeration(kind: type) -> bool:
    return issubclass(kind, enum.Enum)


def _rebinds(code: types.CodeType) -> bool:
    """Whether the code, or what is defined in it, gives a variable of a function around it another value."""
    return any(
        instruction.opname == "STORE_DEREF" and instruction.argval in code.co_freevars
        for instruction in dis.get_instructions(code)
    ) or any(_rebinds(each) for each in code.co_consts if isinstance(each, types.CodeType))


@functools.lru_cache(maxsize=_MOST)
def _is_installed(top: str) -> bool:
    place: object = getattr(sys.modules.get(top), "__file__", None)
    return isinstance(place, str) and place.startswith(_INSTALLED)
