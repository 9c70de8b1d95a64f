"""Sequential specifications of well-known objects: to judge other histories, and to test the checker."""

from __future__ import annotations

from acpool_spec.objects.cas_register import CasRegister
from acpool_spec.objects.key_value import KeyValue
from acpool_spec.objects.lock import Lock
from acpool_spec.objects.queue import Queue
from acpool_spec.objects.register import Register
from acpool_spec.objects.values import UnknownOperation, hashable

__all__ = ["CasRegister", "KeyValue", "Lock", "Queue", "Register", "UnknownOperation", "hashable"]
