"""Data looked at before training: faults, duplicates, overlap, lengths, and pairs as the models will see them."""

from __future__ import annotations

from jsarag.audit.audit import Audit, FileAudit, Group, Look, audit
from jsarag.audit.lengths import Lengths, Shown

__all__ = ["Audit", "FileAudit", "Group", "Lengths", "Look", "Shown", "audit"]
