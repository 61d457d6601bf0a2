"""The names under which people keep the fields of passages and pairs, compared without case, blanks and marks."""

from __future__ import annotations

import math
import re
from typing import Any

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

TEXT = (
    "text", "content", "contents", "body", "passage", "passagetext", "document", "documenttext", "pagecontent", "chunk",
    "chunktext", "paragraph", "article", "context", "answer", "description",
)  # fmt: skip
TITLE = ("title", "heading", "name", "headline", "subject", "documenttitle", "doctitle", "pagetitle", "question")
PASSAGE_ID = (
    "id", "docid", "documentid", "passageid", "pid", "chunkid", "paragraphid", "articleid", "pageid", "uid", "uuid",
    "idx",
)  # fmt: skip
CONTEXT = ("context", "contexts", "passage", "passages", "paragraph", "ctx", "passagetext", "text")

MESSAGES = ("messages", "conversations", "conversation", "dialog", "dialogue", "turns", "chat", "log", "utterances")
DIALOG = (
    "dialog", "dialogid", "dialogue", "dialogueid", "conversation", "conversationid", "convid", "chat", "chatid",
    "session", "sessionid", "thread", "threadid", "ticket", "ticketid", "callid", "caseid",
)  # fmt: skip
ROLE = ("role", "speaker", "from", "author", "sender", "who", "side", "participant", "speakerrole", "authorrole")
SAID = ("text", "content", "value", "message", "utterance", "body", "msg", "messagetext")
TURN = ("turn", "turnid", "turnno", "turnnumber", "turnindex", "utteranceid", "position", "messageindex", "order")

ALL = frozenset(
    {*INPUT, *OUTPUTS, *ID, *GOLD, *EXCLUDE, *HISTORY, *TEXT, *TITLE, *PASSAGE_ID, *MESSAGES, *DIALOG, *ROLE}
)


def plain_name(name: object) -> str:
    """A field's name as names are compared: ``Question Text``, ``question_text`` and ``questionText`` are one."""
    return _MARKS.sub("", str(name).lower())


def absent(value: Any) -> bool:
    """Whether a value says nothing: None, NaN, or text, list or object without content."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, float) and math.isnan(value)) or value in ([], {}, ())
