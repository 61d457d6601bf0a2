// The passages of an answer, beside those that the untrained retriever would have brought.

import { retrieved } from "./passage.js";
import { count, json } from "./server.js";
import { $, light, say } from "./text.js";
import { common, words } from "./words.js";

const DEPTH = 20; // ranks that are compared

/** Show the passages that an answer will be made from. */
export function bring(turn, passages) {
  turn.passages = passages;
  const evidence = $(".evidence", turn.view);
  evidence.hidden = !passages.length;
  $("summary", evidence).textContent = passages.length === 1 ? "1 passage" : `${passages.length} passages`;
  $(".switch input", evidence).addEventListener("change", (event) => compare(turn, event.target.checked));
  fill(turn, ".trained", passages);
}

/** Draw the lists anew, with what is known by now: the answer, and with the switch on the ranks. */
export function mark(turn) {
  if (!turn.view.classList.contains("compared")) return fill(turn, ".trained", turn.passages);
  const { trained, untrained, depth } = turn.ranks;
  const place = (rank) => rank ?? `past ${depth}`;
  const arrow = (now = depth + 1, before = depth + 1) => (now === before ? "=" : now < before ? "▲" : "▼");
  const came = (now, before) => [arrow(now, before), now === before ? "same" : `was ${place(before)}`];
  const went = (before, now) => [arrow(now, before), now === before ? "same" : `now ${place(now)}`];
  fill(turn, ".trained", turn.passages, (rank, id) => came(rank, untrained.get(id)));
  fill(turn, ".untrained", turn.brought, (rank, id) => went(rank, trained.get(id)));
}

/** A list of passages beside the answer, whose words are marked; `moved` tells what became of a rank. */
function fill(turn, side, passages, moved = () => null) {
  const said = turn.spoken && !turn.declined ? words(turn.answer) : [];
  const found = common(said, passages.map((passage) => words(passage.text)));
  const items = passages.map((passage, i) => {
    const item = retrieved(passage, i + 1, found[i].passage, moved(i + 1, passage.id));
    const lit = (ranges) => said.length && light($(".answer", turn.view), ranges);
    for (const event of ["pointerenter", "focusin"]) item.addEventListener(event, () => lit(found[i].answer));
    for (const event of ["pointerleave", "focusout"]) item.addEventListener(event, () => lit([]));
    return item;
  });
  $(`${side} ol`, turn.view).replaceChildren(...items);
}

async function compare(turn, on) {
  const { view } = turn;
  const box = $(".switch input", view);
  const trouble = $(".trouble", view);
  say(trouble, "");
  if (on && !turn.ranks) {
    say(trouble, "The untrained retriever looks for passages …");
    try {
      await look(turn);
      say(trouble, "");
    } catch (error) {
      say(trouble, error.message);
      box.checked = false;
    }
  }
  const shown = box.checked; // it may have been turned off meanwhile
  view.classList.toggle("compared", shown);
  for (const part of [$(".untrained", view), $(".trained h4", view)]) part.hidden = !shown;
  mark(turn);
}

/** Ask both retrievers for more passages than are shown, so that most moves have a rank at both ends. */
async function look(turn) {
  const depth = Math.min(DEPTH, await count());
  const asked = { messages: [...turn.history, { role: "user", content: turn.question }], k: depth };
  const [trained, untrained] = await Promise.all(
    ["trained", "untrained"].map(async (weights) => (await json("retrieve", { body: { ...asked, weights } })).passages),
  );
  turn.ranks = { trained: ranks(trained), untrained: ranks(untrained), depth };
  turn.brought = shares(untrained.slice(0, turn.passages.length));
}

const ranks = (passages) => new Map(passages.map(({ id }, i) => [id, i + 1]));

/** Probabilities among the passages kept, as those of an answer are. */
function shares(passages) {
  const sum = passages.reduce((all, { probability }) => all + probability, 0) || 1;
  return passages.map((passage) => ({ ...passage, probability: passage.probability / sum }));
}
