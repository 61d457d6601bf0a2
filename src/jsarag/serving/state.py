"""What the routes of one server share."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from jsarag.serving.config import ServingConfig
from jsarag.serving.errors import RefusedError
from jsarag.serving.feedback import Feedback
from jsarag.serving.limits import Door
from jsarag.serving.measures import Measures
from jsarag.serving.reload import Reload
from jsarag.serving.runs import Runs
from jsarag.serving.worker import Worker


@dataclass(frozen=True)
class State:
    """The parts of a server.

    Attributes:
        name: Of the model, for clients.
        folder: Of the run.
        config: The settings.
        worker: Does what needs the models.
        reload: Loads the run anew.
        measures: Figures for Prometheus.
        door: Whether requests are taken.
        feedback: Where feedback goes.
        runs: What is shown of runs.
        began: When the server was made, in seconds since 1970.
    """

    name: str
    folder: Path
    config: ServingConfig
    worker: Worker
    reload: Reload
    measures: Measures
    door: Door
    feedback: Feedback
    runs: Runs
    began: int = field(default_factory=lambda: int(time.time()))

    def check_model(self, name: str | None) -> None:
        """Refuse a request for another model; one that names none is for this one.

        Raises:
            RefusedError: another model.
        """
        if name not in (None, self.name):
            message = f"model: expected {self.name}, got {name[:100]!r}"
            raise RefusedError(404, message, param="model", code="model_not_found")


def _of(request: Request) -> State:
    state: State = request.app.state.parts
    return state


Parts = Annotated[State, Depends(_of)]
"""The state, as a parameter of a route."""
