// Calls of the server. Their addresses are relative, so that the page works behind a proxy that serves it in a folder.

import { askForKey, key } from "./key.js";

const TOO_LONG =
  "The question and what was said before are too long. Start a new conversation, or ask a shorter question.";
const REASONS = {
  413: TOO_LONG,
  context_length_exceeded: TOO_LONG,
  closing: "The server is stopping and takes no more questions. Ask again when it is back.",
  504: "The answer took longer than the server allows. Ask again, or ask a shorter question.",
};
const GONE = "The server does not answer. See whether jsarag serve still runs, then ask again.";
const BROKEN = "The connection ended before the answer did. Ask again.";

/** The server's reply; a refusal becomes an Error whose message is a sentence for the reader. */
export async function call(path, { body, signal } = {}) {
  for (;;) {
    const mine = key();
    const headers = {
      ...(mine && { Authorization: `Bearer ${mine}` }),
      ...(body && { "Content-Type": "application/json" }),
    };
    const method = body ? "POST" : "GET";
    let response;
    try {
      response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal });
    } catch (error) {
      throw error.name === "AbortError" ? error : new Error(GONE);
    }
    if (response.ok) return response;
    if (response.status !== 401) throw new Error(await reason(response));
    // Another call may have asked for a key meanwhile.
    if (mine === key()) await askForKey(mine);
  }
}

/** What the server's reply holds. */
export const json = async (path, options) => (await call(path, options)).json();

async function reason(response) {
  if (response.status === 429) {
    const seconds = Number(response.headers.get("Retry-After")) || 1;
    const wait = `${seconds} ${seconds === 1 ? "second" : "seconds"}`;
    return `The server has as many questions as it can hold. Ask again in ${wait}.`;
  }
  const { error } = (await response.json().catch(() => null)) ?? {};
  const { status } = response;
  return REASONS[error?.code] ?? REASONS[status] ?? error?.message ?? `The server answered with status ${status}.`;
}

// What does not change while the page is open is asked for once.
let model = null;
let total = null;

/** The name of the run that is served. */
export const served = async () => (model ??= (await json("v1/models")).data[0].id);

/** The number of its passages. */
export const count = async () => (total ??= (await json("passages?limit=1")).total);

/** The events of a stream of completions, until [DONE]. */
export async function* events(response) {
  let rest = "";
  for await (const piece of read(response.body.pipeThrough(new TextDecoderStream()))) {
    const lines = (rest + piece).split(/\r?\n/);
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data:")) continue;
      const data = line.slice(5).trim();
      if (data === "[DONE]") return;
      const event = JSON.parse(data);
      if (event.error) throw new Error(REASONS[event.error.code] ?? event.error.message);
      yield event;
    }
  }
  throw new Error(BROKEN);
}

async function* read(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      throw error.name === "AbortError" ? error : new Error(BROKEN);
    });
    if (done) return;
    yield value;
  }
}
