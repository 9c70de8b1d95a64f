"""What an instruction is about to work on: the value stack of a running frame, which Python shows nowhere.

CPython 3.11 only: there a trace function with ``f_trace_opcodes`` is called before every instruction, when the stack pointer has
been written back to the frame. The layout is that of ``PyFrameObject`` (``Include/internal/pycore_frame.h``): after the object's
header ``f_back`` and a pointer to ``_PyInterpreterFrame``; in that eight pointers, the fifth of which is the code object, then
the number of slots in use, and the slots: locals, cells, stack. Before it is trusted it is put to the test, once a process.
"""

from __future__ import annotations

import ctypes
import dis
import functools
import platform
import sys
from types import CodeType, FrameType
from typing import Any

_WORD = ctypes.sizeof(ctypes.c_void_p)
_INNER = object.__basicsize__ + _WORD
_CODE = 4 * _WORD
_TOP = 8 * _WORD
_SLOTS = 9 * _WORD


class Stack:
    """The slots of one running frame. Valid while the frame runs, and read inside its trace function only."""

    __slots__ = ("_base", "_slots", "_top")

    def __init__(self, frame: FrameType) -> None:
        inner = _inner(frame)
        code = frame.f_code
        self._base = _names(code)
        self._top = ctypes.c_int.from_address(inner + _TOP)
        self._slots = (ctypes.py_object * (self._base + code.co_stacksize)).from_address(inner + _SLOTS)

    def depth(self) -> int:
        """How many values are on the stack."""
        return self._top.value - self._base

    def peek(self, place: int) -> object:
        """The value at ``place`` from the top, which is 1. Raises ``LookupError`` where the interpreter has put NULL."""
        try:
            return self._slots[self._top.value - place]
        except ValueError:
            raise LookupError(place) from None

    def top(self) -> object:
        """The value on top; None for none."""
        if self._top.value <= self._base:
            return None
        try:
            return self._slots[self._top.value - 1]
        except ValueError:
            return None

    def variable(self, number: int) -> object:
        """The local variable or cell of that number. Raises ``LookupError`` where it is not set."""
        try:
            return self._slots[number]
        except ValueError:
            raise LookupError(number) from None


def _inner(frame: FrameType) -> int:
    inner = ctypes.c_void_p.from_address(id(frame) + _INNER).value
    if inner is None or ctypes.c_void_p.from_address(inner + _CODE).value != id(frame.f_code):
        raise RuntimeError("a frame is not laid out as it was when that was tested")
    return inner


_COUNTS: dict[int, tuple[CodeType, int]] = {}
_MOST = 4096


def _names(code: CodeType) -> int:
    """How many slots come before the stack: variables, cells that are no parameters, free variables."""
    known = _COUNTS.get(id(code))
    if known is None:
        if len(_COUNTS) >= _MOST:
            _COUNTS.clear()
        cells = sum(name not in code.co_varnames for name in code.co_cellvars)
        known = _COUNTS[id(code)] = code, code.co_nlocals + cells + len(code.co_freevars)
    return known[1]


def _multiply(left: object, right: object) -> object:
    captured = left

    def inside() -> object:
        return captured

    return [inside] and (left, right, [left, right])


@functools.lru_cache(maxsize=1)
def readable() -> bool:
    """Whether the stack can be read here: the interpreter is the one that this was written for, and a test has shown it.

    False where another trace function is at work at the first call.
    """
    if sys.version_info[:2] != (3, 11) or platform.python_implementation() != "CPython":
        return False
    if object.__basicsize__ != 2 * _WORD or _WORD != 8:
        return False
    left, right = object(), object()
    seen: list[tuple[int, object, object]] = []
    cells: list[object] = []

    def look(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code is not _multiply.__code__:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            stack = Stack(frame)
            if frame.f_code.co_code[frame.f_lasti] == _BUILD_LIST and stack.depth() >= 2:
                seen.append((stack.depth(), stack.peek(2), stack.peek(1)))
            cells[:] = [stack.variable(frame.f_code.co_nlocals)] if stack.depth() == 4 else cells
        return look

    before = sys.gettrace()
    try:
        sys.settrace(look)
        _multiply(left, right)
    except RuntimeError:
        return False
    finally:
        sys.settrace(before)
    return seen == [(4, left, right)] and [type(cell).__name__ for cell in cells] == ["cell"]


_BUILD_LIST = dis.opmap["BUILD_LIST"]
