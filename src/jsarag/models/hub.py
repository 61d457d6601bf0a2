"""Whether the hub has a model: one request, before libraries ask for each of many files five times."""

from __future__ import annotations

from jsarag.models.resolve import at, not_loadable


def place(path: str, option: str) -> str:
    """Where libraries shall load a model from: a path or an id as given, or the hub's cache where the hub fails.

    The request waits for as long as huggingface_hub does (``HF_HUB_ETAG_TIMEOUT``, 10 seconds), and is not repeated.

    Args:
        path: What `jsarag.models.resolve.resolve` gave: a path, or the id of a model on the hub.
        option: The option that named it, for the error.

    Raises:
        InputError: the hub does not give the model, and the hub's cache on this machine does not hold it.
    """
    failed = "" if at(path).exists() else _failed(path)
    if not failed:
        return path
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return str(snapshot_download(path, local_files_only=True))
    except LocalEntryNotFoundError:
        reason = f"{failed}, and the hub's cache on this machine does not hold the model"
        raise not_loadable(path, option, FileNotFoundError(reason)) from None


def _failed(name: str) -> str:
    """Why the hub gives no model of that name; empty where it may, or where nobody is to ask it."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE=1 forbids to ask the hub"
    try:
        get_hf_file_metadata(hf_hub_url(name, "config.json"))
    except RepositoryNotFoundError:
        return f"{constants.ENDPOINT} has no such model, or it is private (HF_TOKEN opens it to those with access)"
    except HfHubHTTPError as error:
        # Of a model without this file, and of a model with a gate, the libraries tell more.
        status = error.response.status_code
        return f"{constants.ENDPOINT} answers with status {status}" if status >= 500 or status == 429 else ""
    except Exception as error:  # of httpx or httpx2, whichever huggingface_hub works with
        return f"{constants.ENDPOINT} cannot be reached ({str(error) or type(error).__name__})"
    return ""
