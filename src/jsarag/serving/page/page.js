// The chat page: ask with history, read an answer beside its passages, browse passages and runs.
//
// What the server sends is shown as text, never as HTML: passages come from anywhere. Addresses are relative, so that
// the page works behind a proxy that serves it under a folder.

const KEY = "jsarag-key";
const PAGE = 20; // passages on a page of the list
const DEPTH = 20; // ranks that are compared with those of the untrained retriever
const FOLDED = 120; // characters from which a passage without marks is cut to three lines
const LONG = 1000; // characters from which a passage with marks can be cut too

const $ = (selector, within = document) => within.querySelector(selector);
const stamp = (name) => document.querySelector(`template#${name}`).content.firstElementChild.cloneNode(true);
const say = (element, text) => { element.textContent = text; element.hidden = !text; };

// ---------------------------------------------------------------- the server

const REASONS = {
  413: "The question and what was said before are longer than the server takes. Start a new conversation, or ask a shorter question.",
  503: "The server is stopping and takes no more questions. Ask again when it is back.",
  504: "The answer took longer than the server allows. Ask again, or ask a shorter question.",
};
const GONE = "The server does not answer. See whether jsarag serve still runs, then ask again.";
const BROKEN = "The connection ended before the answer did. Ask again.";

/** The server's reply; a refusal becomes an Error whose message is a sentence for the reader. */
async function call(path, { body, signal } = {}) {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const headers = { ...(key && { Authorization: `Bearer ${key}` }), ...(body && { "Content-Type": "application/json" }) };
    let response;
    try {
      response = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal });
    } catch (error) {
      throw error.name === "AbortError" ? error : new Error(GONE);
    }
    if (response.ok) return response;
    if (response.status !== 401) throw new Error(await reason(response));
    // Another call may have asked for a key meanwhile.
    if (key === sessionStorage.getItem(KEY)) await askForKey(key);
  }
}

const json = async (path, options) => (await call(path, options)).json();

async function reason(response) {
  if (response.status === 429) {
    const seconds = Number(response.headers.get("Retry-After")) || 1;
    return `The server has as many questions as it can hold. Ask again in ${seconds} ${seconds === 1 ? "second" : "seconds"}.`;
  }
  if (REASONS[response.status]) return REASONS[response.status];
  const told = await response.json().catch(() => null);
  return told?.error?.message ?? `The server answered with status ${response.status}.`;
}

let asking = null; // one dialog for all calls that wait for a key

function askForKey(refused) {
  asking ??= new Promise((resolve, reject) => {
    const dialog = $("#key-dialog");
    if (refused) say($("#key-note"), "The server does not take this key.");
    dialog.addEventListener("close", () => {
      const key = $("#key").value;
      $("#key").value = "";
      asking = null;
      if (!dialog.returnValue) return reject(new Error("The server answers only with a key. Ask again to give the key."));
      sessionStorage.setItem(KEY, key);
      $("#change-key").hidden = false;
      resolve();
    }, { once: true });
    dialog.returnValue = "";
    dialog.showModal();
  });
  return asking;
}

/** The events of a stream of completions, until [DONE]. */
async function* events(response) {
  let rest = "";
  for await (const piece of read(response.body.pipeThrough(new TextDecoderStream()))) {
    const lines = (rest + piece).split(/\r?\n/);
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data:")) continue;
      const data = line.slice(5).trim();
      if (data === "[DONE]") return;
      const event = JSON.parse(data);
      if (event.error) throw new Error(event.error.message);
      yield event;
    }
  }
  throw new Error(BROKEN);
}

async function* read(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

// ---------------------------------------------------------------- words of an answer in a passage

const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });

/** The words of a text, with their places; also of scripts that put no space between words. */
const words = (text) =>
  Array.from(segmenter.segment(text))
    .filter((part) => part.isWordLike)
    .map(({ segment, index }) => ({ word: segment.normalize("NFKC").toLowerCase(), start: index, end: index + segment.length }));

/**
 * Where passages say what the answer says: for each passage the ranges [start, end) in its text and in the answer.
 *
 * A run of equal words is marked if it has three words or more, or is the whole answer and has three letters. A shorter
 * run is marked only for a telling word: one with a digit, or with five letters or more (two in scripts without spaces),
 * that stands in at most half of the passages, and in no longer run that another passage shares with the answer. So
 * names and amounts are marked, and "of the" is not. The rule needs no list of common words, which would have to be
 * made for each language.
 */
function common(answer, passages) {
  const spread = new Map(); // the passages that have a word
  for (const text of passages) for (const word of new Set(text.map((one) => one.word))) spread.set(word, (spread.get(word) ?? 0) + 1);
  const found = passages.map((text) => runs(answer, text));
  const explained = new Set(found.flat().filter(({ n }) => n >= 3).flatMap(({ i, n }) => Array.from({ length: n }, (_, at) => i + at)));
  const telling = (i) => {
    const { word } = answer[i];
    const long = [...word].length >= (/[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}]/u.test(word) ? 2 : 5);
    return (long || /\p{N}/u.test(word)) && spread.get(word) <= Math.max(1, passages.length / 2) && !explained.has(i);
  };
  const range = (text, from, n) => [text[from].start, text[from + n - 1].end];
  return passages.map((text, at) => {
    const kept = found[at].filter(({ i, n }) => {
      const [start, end] = range(answer, i, n);
      return n >= 3 || (n === answer.length && end - start >= 3) || [...Array(n).keys()].some((more) => telling(i + more));
    });
    return { passage: merged(kept.map(({ j, n }) => range(text, j, n))), answer: merged(kept.map(({ i, n }) => range(answer, i, n))) };
  });
}

/** The runs of n equal words, as long as can be, from word i of one text and word j of another. */
function runs(one, other) {
  const at = new Map(); // the places of each word in the other
  other.forEach(({ word }, j) => (at.has(word) ? at.get(word).push(j) : at.set(word, [j])));
  return one.flatMap(({ word }, i) =>
    (at.get(word) ?? [])
      .filter((j) => !(i && j && one[i - 1].word === other[j - 1].word)) // else it is within a run
      .map((j) => {
        let n = 1;
        while (i + n < one.length && one[i + n].word === other[j + n]?.word) n++;
        return { i, j, n };
      }),
  );
}

function merged(ranges) {
  const kept = [];
  for (const [start, end] of ranges.sort((a, b) => a[0] - b[0])) {
    const last = kept.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else kept.push([start, end]);
  }
  return kept;
}

// Control characters, such as those of a terminal's escapes, and signs that turn the direction of letters round are shown
// as unknown ones: one for one, so that places stay.
const visible = (text) => text.replace(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f\u202d\u202e]/g, "\ufffd");

/** Show a text with some ranges of it marked. */
function paint(element, text, ranges = []) {
  const shown = visible(text);
  let at = 0;
  element.replaceChildren();
  for (const [start, end] of ranges) {
    const mark = document.createElement("mark");
    mark.textContent = shown.slice(start, end);
    element.append(shown.slice(at, start), mark);
    at = end;
  }
  element.append(shown.slice(at));
}

/** Light up ranges of an element that holds one text, without touching its nodes, so that a selection stays. */
function light(element, ranges) {
  if (!globalThis.Highlight) return; // an older browser goes without
  const node = element.firstChild;
  CSS.highlights.set("said", new Highlight(...ranges.map(([start, end]) => {
    const range = document.createRange();
    range.setStart(node, start);
    range.setEnd(node, end);
    return range;
  })));
}

// ---------------------------------------------------------------- a passage

const percent = (share) => (share > 0 && share < 0.005 ? "< 1 %" : `${Math.round(100 * share)} %`);

/** A passage as an item of a list; `ranges` of its text are marked. */
function card(passage, ranges = [], { whole = false } = {}) {
  const item = stamp("passage");
  const text = $(".text", item);
  if (passage.id === "null" && !passage.title && !passage.text) {
    say($(".title", item), "No passage: what the model says by itself");
    return item;
  }
  say($(".title", item), visible(passage.title ?? ""));
  paint(text, passage.text, ranges);
  $(".origin", item).append(...origin(passage));
  if (whole || passage.text.length <= (ranges.length ? LONG : FOLDED)) return item;
  const more = $(".more", item);
  const fold = (cut) => {
    text.classList.toggle("cut", cut);
    more.textContent = cut ? "Whole text" : "Less";
    more.setAttribute("aria-expanded", String(!cut));
  };
  more.hidden = false;
  more.addEventListener("click", () => fold(!text.classList.contains("cut")));
  fold(!ranges.length);
  return item;
}

/** Where a passage comes from: file, page and id. */
function origin({ id, source, page }) {
  const parts = [];
  if (source) {
    const web = /^https?:\/\//i.test(source);
    const name = document.createElement(web ? "a" : "span");
    name.textContent = visible(web ? source : source.split(/[\\/]/).pop());
    name.title = source;
    if (web) Object.assign(name, { href: source, target: "_blank", rel: "noopener noreferrer" });
    parts.push(name);
  }
  if (page != null) parts.push(`page ${page}`);
  const link = document.createElement("a");
  link.href = `#passages/${id.split("/").map(encodeURIComponent).join("/")}`;
  link.textContent = visible(id);
  parts.push(link);
  return parts.flatMap((part, i) => (i ? [" · ", part] : [part]));
}

/** A passage that was retrieved: with rank, probability and, where it is known, its move. */
function retrieved(passage, rank, ranges, move) {
  const item = card(passage, ranges);
  $(".scale", item).hidden = false;
  $(".rank", item).textContent = rank;
  $(".bar i", item).style.width = `${100 * passage.probability}%`;
  $(".share", item).textContent = percent(passage.probability);
  $(".share", item).title = `probability ${passage.probability.toFixed(4)} among the passages of this answer`;
  if (move) {
    const [arrow, words] = move;
    $(".arrow", item).textContent = arrow;
    say($(".move", item), words);
  }
  return item;
}

// ---------------------------------------------------------------- the conversation

const turns = []; // {question, history, answer, passages, spoken}
let running = null; // the AbortController of the answer that streams in
let model = null; // the name of the run that is served
let total = null; // passages in the knowledge base

/** The conversation up to now, as messages. */
const messages = () =>
  turns.filter((turn) => turn.spoken).flatMap(({ question, answer }) => [
    { role: "user", content: question },
    { role: "assistant", content: answer },
  ]);

async function ask(question) {
  const turn = { question, history: messages(), answer: "", passages: [], view: stamp("turn") };
  const { view } = turn;
  const answer = $(".answer", view);
  paint($(".question", view), question);
  for (const other of document.querySelectorAll(".evidence")) other.open = false;
  turns.push(turn);
  $("#turns").append(view);
  begun();
  view.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  answer.setAttribute("aria-busy", "true");
  const announce = announcer();
  running = new AbortController();
  try {
    const body = { model: (model ??= await served()), messages: [...turn.history, { role: "user", content: question }], stream: true };
    let finish = null;
    for await (const event of events(await call("v1/chat/completions", { body, signal: running.signal }))) {
      if (event.passages) bring(turn, event.passages);
      const piece = event.choices?.[0]?.delta?.content ?? "";
      turn.answer += piece;
      answer.append(visible(piece));
      announce(piece);
      finish = event.choices?.[0]?.finish_reason ?? finish;
      turn.declined ||= event.declined === true;
    }
    ended(turn, finish);
  } catch (error) {
    if (error.name === "AbortError") stopped(turn);
    else failed(turn, error.message);
  } finally {
    running = null;
    announce("", true);
    answer.removeAttribute("aria-busy");
    idle();
  }
}

function begun() {
  $("#ask-title").classList.add("unseen");
  $("#ask-start").hidden = true;
  $("#clear").hidden = true;
  swap($("#send"), $("#stop"));
}

function idle() {
  $("#clear").hidden = !turns.length;
  swap($("#stop"), $("#send"));
}

/** One button in the place of another, which must not take the focus with it. */
function swap(old, other) {
  const held = document.activeElement === old;
  other.hidden = false;
  if (held) other.focus();
  old.hidden = true;
}

/** Tells a screen reader the answer by whole sentences, not by tokens. */
function announcer() {
  let waiting = "";
  return (piece, end = false) => {
    waiting += piece;
    const sentence = end ? waiting : waiting.match(/^[^]*(?:[.!?…](?=\s)|[。！？\n])/)?.[0];
    if (!sentence?.trim()) return;
    waiting = waiting.slice(sentence.length);
    tell(sentence.trim());
  };
}

function tell(text) {
  const line = document.createElement("p");
  line.textContent = visible(text);
  $("#announced").append(line);
}

function ended(turn, finish) {
  const { view } = turn;
  turn.spoken = true;
  if (turn.declined) {
    view.classList.add("declined");
    say($(".state", view), "Declined");
    say($(".why", view), "The passages found are too little evidence: their best score is below the threshold that the run chose on its dev questions.");
  } else if (!turn.answer.trim()) {
    say($(".state", view), "The model gave an empty answer.");
  } else if (finish === "length") {
    say($(".why", view), "The answer ends here because it reached the longest answer that the run gives.");
  }
  settle(turn);
}

function stopped(turn) {
  turn.spoken = Boolean(turn.answer.trim());
  say($(".state", turn.view), "Stopped");
  $(".again", turn.view).hidden = false;
  settle(turn);
}

function failed(turn, message) {
  turn.view.classList.add("failed");
  say($(".state", turn.view), message);
  $(".again", turn.view).hidden = false;
  tell(message);
  settle(turn);
}

/** What can be done once no more words come. */
function settle(turn) {
  const { view } = turn;
  const answer = $(".answer", view);
  paint(answer, turn.answer); // one text, not one a piece
  answer.hidden = !turn.answer;
  answer.classList.toggle("long", turn.answer.length > 240);
  $(".actions", view).hidden = !turn.spoken;
  $(".again", view).addEventListener("click", () => {
    if (running) return;
    drop(turn);
    ask(turn.question);
  });
  $(".copy", view).addEventListener("click", () => copy(turn));
  judge(turn);
  mark(turn);
}

function drop(turn) {
  turns.splice(turns.indexOf(turn), 1);
  turn.view.remove();
}

async function copy({ answer, view }) {
  const done = $(".done", view);
  try {
    await navigator.clipboard.writeText(answer);
    say(done, "Copied.");
  } catch {
    // Without HTTPS a browser lets a page from another machine write nothing to the clipboard.
    getSelection().selectAllChildren($(".answer", view));
    say(done, "The answer is selected. Press Ctrl+C to copy it.");
  }
}

// ---------------------------------------------------------------- the passages of an answer

function bring(turn, passages) {
  turn.passages = passages;
  const evidence = $(".evidence", turn.view);
  evidence.hidden = !passages.length;
  $("summary", evidence).textContent = passages.length === 1 ? "1 passage" : `${passages.length} passages`;
  $(".switch input", evidence).addEventListener("change", (event) => compare(turn, event.target.checked));
  fill(turn, ".trained", passages);
}

/** A list of passages beside the answer: the words of the answer marked, ranks compared if `others` are known. */
function fill(turn, side, passages, others = null, fate = null) {
  const said = turn.spoken && !turn.declined ? words(turn.answer) : [];
  const found = common(said, passages.map((passage) => words(passage.text)));
  const items = passages.map((passage, i) => {
    const item = retrieved(passage, i + 1, found[i].passage, others && fate(i + 1, others.get(passage.id)));
    const show = () => said.length && light($(".answer", turn.view), found[i].answer);
    const hide = () => globalThis.CSS?.highlights?.delete("said");
    for (const event of ["pointerenter", "focusin"]) item.addEventListener(event, show);
    for (const event of ["pointerleave", "focusout"]) item.addEventListener(event, hide);
    return item;
  });
  $(`${side} ol`, turn.view).replaceChildren(...items);
}

/** Draw the lists anew, with what is known by now. */
function mark(turn) {
  const { passages, ranks } = turn;
  const beside = turn.view.classList.contains("compared");
  fill(turn, ".trained", passages, beside && ranks.untrained, came);
  if (beside) fill(turn, ".untrained", turn.brought, ranks.trained, went);
}

const past = () => `past ${Math.min(DEPTH, total)}`;
const came = (now, before) => (before === now ? ["=", "same"] : [before < now ? "▼" : "▲", `was ${before ?? past()}`]);
const went = (before, now) => (before === now ? ["=", "same"] : [now < before ? "▲" : "▼", `now ${now ?? past()}`]);

async function compare(turn, on) {
  const { view } = turn;
  const trouble = $(".trouble", view);
  say(trouble, "");
  if (on && !turn.ranks) {
    say(trouble, "Loading the untrained retriever …");
    try {
      total ??= await count();
      const asked = { messages: [...turn.history, { role: "user", content: turn.question }], k: Math.min(DEPTH, total) };
      const [trained, untrained] = await Promise.all(
        ["trained", "untrained"].map(async (weights) => (await json("retrieve", { body: { ...asked, weights } })).passages),
      );
      turn.ranks = { trained: ranks(trained), untrained: ranks(untrained) };
      turn.brought = shares(untrained.slice(0, turn.passages.length));
      say(trouble, "");
    } catch (error) {
      say(trouble, error.message);
      $(".switch input", view).checked = false;
      return;
    }
  }
  on &&= $(".switch input", view).checked; // it may have been turned off meanwhile
  view.classList.toggle("compared", on);
  for (const part of [$(".untrained", view), $(".trained h4", view)]) part.hidden = !on;
  mark(turn);
}

const ranks = (passages) => new Map(passages.map(({ id }, i) => [id, i + 1]));

/** Probabilities among the passages kept, as those of an answer are. */
function shares(passages) {
  const sum = passages.reduce((all, { probability }) => all + probability, 0) || 1;
  return passages.map((passage) => ({ ...passage, probability: passage.probability / sum }));
}

// ---------------------------------------------------------------- thumbs and corrections

function judge(turn) {
  const { view } = turn;
  const form = $(".correction", view);
  const [up, down] = [$(".up-vote", view), $(".down-vote", view)];
  const open = (on) => {
    form.hidden = !on;
    (on ? $(".right", form) : down).focus();
  };
  const send = async (thumbs, correction, button) => {
    up.disabled = down.disabled = true;
    try {
      const history = turn.history.map(({ role, content }) => ({ role, text: content }));
      const passages = turn.passages.map(({ id }) => id);
      const body = { question: turn.question, history, answer: turn.answer, passages, thumbs, correction };
      await call("feedback", { body });
      button.setAttribute("aria-pressed", "true");
      form.hidden = true;
      say($(".done", view), correction ? "The correction is kept." : "The judgement is kept.");
    } catch (error) {
      up.disabled = down.disabled = false;
      say($(".done", view), error.message);
    }
  };
  up.addEventListener("click", () => send("up", null, up));
  down.addEventListener("click", () => open(form.hidden));
  $(".cancel", form).addEventListener("click", () => open(false));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send("down", $(".right", form).value.trim() || null, down);
  });
}

// ---------------------------------------------------------------- browse the knowledge base

let latest = 0; // the number of the last look into the knowledge base: an answer that comes late is not shown

async function browse(rest) {
  const mine = ++latest;
  const note = $("#found");
  const id = rest.startsWith("/") ? rest.slice(1) : null;
  const asked = new URLSearchParams(id === null ? rest : "");
  const search = asked.get("search") ?? "";
  const offset = Math.max(0, Number.parseInt(asked.get("offset") ?? "0", 10) || 0);
  if ($("#search").value.trim() !== search) $("#search").value = search;
  $("#pager").hidden = true;
  try {
    if (id !== null) {
      const passage = await json(`passages/${id}`);
      if (mine !== latest) return;
      say(note, "One passage");
      $("#shelf").replaceChildren(card(passage, [], { whole: true }));
      turnPages("", 0, 0);
      return;
    }
    const found = await json(`passages?${new URLSearchParams({ search, offset, limit: PAGE })}`);
    if (mine !== latest) return;
    const { passages } = found;
    say(note, passages.length ? `${offset + 1}–${offset + passages.length} of ${found.total}` : search ? `No passage has “${search}”.` : "No passages here.");
    $("#shelf").replaceChildren(...passages.map((passage) => card(passage, places(passage.text, search), { whole: true })));
    turnPages(search, offset, found.total);
  } catch (error) {
    if (mine !== latest) return;
    $("#shelf").replaceChildren();
    say(note, error.message);
  }
}

/** Where a text has what was searched for. */
function places(text, search) {
  if (!search) return [];
  const pattern = new RegExp(search.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"), "giu");
  return [...text.matchAll(pattern)].map((match) => [match.index, match.index + match[0].length]);
}

function turnPages(search, offset, all) {
  $("#all").hidden = all > 0;
  const lead = (link, to) => {
    link.hidden = to === null;
    if (to !== null) link.href = shelf(search, to);
  };
  lead($("#previous"), offset > 0 ? Math.max(0, offset - PAGE) : null);
  lead($("#next"), offset + PAGE < all ? offset + PAGE : null);
  $("#pager").hidden = [...$("#pager").children].every((link) => link.hidden);
}

/** The address of a page of the list. */
function shelf(search, offset = 0) {
  const query = new URLSearchParams({ ...(search && { search }), ...(offset && { offset }) }).toString();
  return query ? `#passages?${query}` : "#passages";
}

// ---------------------------------------------------------------- runs

async function list() {
  const note = $("#runs-note");
  try {
    const { serving, runs } = await json("runs");
    $("#runs").replaceChildren(...runs.map((run) => row(run, run.name === serving)));
    $("#contrast").hidden = runs.filter((run) => run.finished).length < 2;
    say(note, runs.length ? "" : "No runs here.");
    tick();
  } catch (error) {
    say(note, error.message);
  }
}

function row({ name, objective, finished, headline }, serving) {
  const item = stamp("run");
  const box = $("input", item);
  const report = $(".report", item);
  $(".name", item).textContent = visible(name);
  $(".tag", item).textContent = [objective, serving && "served here", !finished && "not finished"].filter(Boolean).join(" · ");
  say($(".headline", item), visible(headline ?? ""));
  Object.assign(box, { value: name, disabled: !finished });
  box.addEventListener("change", tick);
  report.hidden = !finished;
  leads(report, `runs/${encodeURIComponent(name)}/report`, `${name}.html`);
  return item;
}

function tick() {
  const names = [...document.querySelectorAll("#runs input:checked")].map((box) => box.value);
  const link = $("#compare");
  link.removeAttribute("href");
  if (names.length === 2) leads(link, `compare?${new URLSearchParams(names.map((name) => ["run", name]))}`, "compare.html");
  say($("#ticked"), names.length === 2 ? `${names.join(" and ")} side by side` : "Tick two finished runs to compare them.");
}

/** Let a link open a page of the server; with a key the page is saved instead, since a link cannot send the key. */
function leads(link, path, file) {
  link.href = path;
  link.onclick = async (event) => {
    if (!sessionStorage.getItem(KEY)) return;
    event.preventDefault();
    try {
      const saved = document.createElement("a");
      saved.href = URL.createObjectURL(await (await call(path)).blob());
      saved.download = file;
      saved.click();
      URL.revokeObjectURL(saved.href);
      say($("#runs-note"), `Saved as ${file}: a link cannot send the key.`);
    } catch (error) {
      say($("#runs-note"), error.message);
    }
  };
}

// ---------------------------------------------------------------- the page

const VIEWS = {
  ask: { title: "ask", show: () => $("#question").focus({ preventScroll: true }) },
  passages: { title: "passages", show: browse },
  runs: { title: "runs", show: list },
};

function route() {
  const [, named, rest = ""] = /^#(\w+)([/?].*)?$/.exec(location.hash) ?? [];
  const name = Object.hasOwn(VIEWS, named ?? "") ? named : "ask";
  for (const view of document.querySelectorAll("[data-view]")) view.hidden = view.dataset.view !== name;
  for (const link of document.querySelectorAll("header a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${model ?? "jsarag"}: ${VIEWS[name].title}`;
  VIEWS[name].show(rest);
}

const served = async () => (await json("v1/models")).data[0].id;
const count = async () => (await json("passages?limit=1")).total;

async function start() {
  $("#change-key").hidden = !sessionStorage.getItem(KEY);
  route();
  try {
    model = await served();
    total = await count();
    $("#served").textContent = visible(model);
    $("#held").textContent = `the ${total} passages`;
    document.title = document.title.replace(/^jsarag/, model);
  } catch (error) {
    say($("#ask-start"), error.message);
  }
}

$("#composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const question = $("#question").value.trim();
  if (!question || running) return;
  $("#question").value = "";
  ask(question);
});
$("#question").addEventListener("keydown", (event) => {
  // While letters are composed, as in Japanese, Enter takes a word.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("#composer").requestSubmit();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") running?.abort();
});
$("#stop").addEventListener("click", () => running?.abort());
$("#clear").addEventListener("click", () => {
  for (const turn of [...turns]) drop(turn);
  $("#announced").replaceChildren();
  $("#ask-title").classList.remove("unseen");
  $("#ask-start").hidden = false;
  $("#clear").hidden = true;
  $("#question").focus();
});
$("#key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  $("#key-dialog").close("given");
});
$("#key-cancel").addEventListener("click", () => $("#key-dialog").close(""));
$("#change-key").addEventListener("click", () => askForKey(null).then(start, () => {}));
let typing = 0;
$("#find").addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(typing);
  location.hash = shelf($("#search").value.trim());
});
$("#search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    history.replaceState(null, "", shelf($("#search").value.trim())); // a step back leaves the search, not its letters
    route();
  }, 250);
});
addEventListener("hashchange", route);
start();
