"""The names under which people keep the fields of passages and pairs, compared without case, blanks and marks."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

SHOWN = 20
"""Names that a message lists."""
_MARKS = re.compile(r"[\W_]+")

INPUT = (
    "input", "question", "query", "prompt", "instruction", "utterance", "userquery", "userquestion", "questiontext",
    "querytext", "usermessage", "userinput", "customerquestion", "request", "problem", "inputs", "questions", "q",
)  # fmt: skip
OUTPUTS = (
    "outputs", "output", "answers", "answer", "response", "responses", "completion", "reply", "target", "targets",
    "answertext", "agentresponse", "botresponse", "assistantresponse", "expectedanswer", "referenceanswer",
    "goldanswer", "groundtruth", "reference", "references", "solution", "chosen", "label", "a",
)  # fmt: skip
ID = ("id", "qid", "questionid", "queryid", "exampleid", "pairid", "uid", "uuid", "guid", "idx")
GOLD = ("gold", "goldids", "goldpassages", "relevantids", "relevantdocs", "positiveids")
EXCLUDE = ("exclude",)
HISTORY = ("history", "chathistory", "dialoghistory", "conversationhistory", "previousturns")

CORRECTION = (
    "correction", "corrected", "correctedanswer", "correctedresponse", "betteranswer", "editedanswer", "editedresponse",
    "suggestedanswer",
)  # fmt: skip
THUMBS = ("thumbs", "thumb", "vote", "feedback", "rating", "liked", "helpful", "reaction")

TEXT = (
    "text", "content", "contents", "body", "passage", "passagetext", "document", "documenttext", "pagecontent", "chunk",
    "chunktext", "paragraph", "article", "context", "answer", "description",
)  # fmt: skip
TITLE = ("title", "heading", "name", "headline", "subject", "documenttitle", "doctitle", "pagetitle", "question")
PASSAGE_ID = (
    "id", "docid", "documentid", "passageid", "pid", "chunkid", "paragraphid", "articleid", "pageid", "uid", "uuid",
    "idx",
)  # fmt: skip
SOURCE = ("source",)
CONTEXT = ("context", "contexts", "passage", "passages", "paragraph", "ctx")

MESSAGES = ("messages", "conversations", "conversation", "dialog", "dialogue", "turns", "chat", "log", "utterances")
DIALOG = (
    "dialog", "dialogid", "dialogue", "dialogueid", "conversation", "conversationid", "convid", "chat", "chatid",
    "session", "sessionid", "thread", "threadid", "ticket", "ticketid", "callid", "caseid",
)  # fmt: skip
ROLE = ("role", "speaker", "from", "author", "sender", "who", "side", "participant", "speakerrole", "authorrole")
SAID = ("text", "content", "value", "message", "utterance", "body", "msg", "messagetext")
TURN = ("turn", "turnid", "turnno", "turnnumber", "turnindex", "utteranceid", "position", "messageindex", "order")

PAIR = (*INPUT, *OUTPUTS, *ID, *GOLD, *EXCLUDE, *HISTORY, *MESSAGES, *DIALOG, *ROLE)
ALL = frozenset(name for name in (*PAIR, *TEXT, *TITLE, *PASSAGE_ID) if len(name) > 1)
"""Every name that tells a line of names from other lines."""


def plain_name(name: object) -> str:
    """A field's name as names are compared: ``Question Text``, ``question_text`` and ``questionText`` are one."""
    return _MARKS.sub("", str(name).lower())


def listed(names: Iterable[object]) -> str:
    """Names for a message, on one line."""
    shown = [" ".join(str(name).split()) or repr(name) for name in names]
    more = [f"and {len(shown) - SHOWN:,} more"] if len(shown) > SHOWN else []
    return ", ".join([*shown[:SHOWN], *more]) or "none"


def absent(value: Any) -> bool:
    """Whether a value says nothing: None, NaN, or text, list or object without content."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, float) and math.isnan(value)) or value in ([], {}, ())
