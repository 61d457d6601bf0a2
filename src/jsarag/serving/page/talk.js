// The conversation: questions, answers that stream in, what was said before.

import { bring, mark } from "./evidence.js";
import { judge } from "./feedback.js";
import { call, events, served } from "./server.js";
import { $, paint, say, stamp, visible } from "./text.js";

const SHORT = 240; // characters of an answer up to which it is set in large letters
const WEAK =
  "The passages found are too little evidence: " +
  "their best score is below the threshold that the run chose on its dev questions.";
const CUT = "The answer ends here because it reached the longest answer that the run gives.";

const turns = []; // {question, history, answer, passages, view, spoken, declined}
let running = null; // the AbortController of the answer that streams in

/** What was said up to now; questions that got no answer are left out. */
const said = () =>
  turns
    .filter((turn) => turn.spoken)
    .flatMap(({ question, answer }) => [{ role: "user", content: question }, { role: "assistant", content: answer }]);

async function ask(question) {
  const turn = { question, history: said(), answer: "", passages: [], view: stamp("turn") };
  for (const other of document.querySelectorAll(".evidence")) other.open = false; // makes room
  turns.push(turn);
  begin(turn);
  const tell = announcer();
  running = new AbortController();
  let finish = null;
  let problem = null;
  try {
    const messages = [...turn.history, { role: "user", content: question }];
    const body = { model: await served(), messages, stream: true };
    for await (const event of events(await call("v1/chat/completions", { body, signal: running.signal }))) {
      if (event.passages) bring(turn, event.passages);
      const [choice] = event.choices;
      const piece = choice?.delta.content ?? "";
      turn.answer += piece;
      $(".answer", turn.view).append(visible(piece));
      tell(piece);
      finish ??= choice?.finish_reason;
      turn.declined ||= event.declined;
    }
  } catch (error) {
    problem = error;
  }
  running = null;
  tell("", true);
  end(turn, finish, problem);
}

function begin({ question, view }) {
  paint($(".question", view), question);
  $(".answer", view).setAttribute("aria-busy", "true");
  $("#turns").append(view);
  $("#ask-title").classList.add("unseen");
  $("#ask-start").hidden = true;
  $("#clear").hidden = true;
  swap($("#send"), $("#stop"));
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  view.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
}

function end(turn, finish, problem) {
  const { view } = turn;
  const answer = $(".answer", view);
  turn.spoken = Boolean(turn.answer.trim()) && (!problem || problem.name === "AbortError");
  paint(answer, turn.answer); // as one text, not one a piece
  answer.removeAttribute("aria-busy");
  answer.hidden = !turn.answer;
  answer.classList.toggle("long", turn.answer.length > SHORT);
  const [kind, state, why] = outcome(turn, finish, problem);
  if (kind) view.classList.add(kind);
  say($(".state", view), state);
  say($(".why", view), why);
  if (state) announce(`${state} ${why}`);
  $(".actions", view).hidden = kind === "failed";
  $(".again", view).hidden = !problem;
  $(".again", view).addEventListener("click", () => again(turn));
  $(".copy", view).addEventListener("click", () => copy(turn));
  judge(turn);
  mark(turn);
  $("#clear").hidden = false;
  swap($("#stop"), $("#send"));
}

/** What became of a question: a class of the turn, a state and its reason. */
function outcome({ answer, declined }, finish, problem) {
  if (problem?.name === "AbortError") return ["", "Stopped", ""];
  if (problem) return ["failed", problem.message, ""];
  if (declined) return ["declined", "Declined", WEAK];
  if (!answer.trim()) return ["", "The model gave an empty answer.", ""];
  return ["", "", finish === "length" ? CUT : ""];
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
  return (piece, last = false) => {
    waiting += piece;
    const sentences = last ? waiting : waiting.match(/^[^]*(?:[.!?…](?=\s)|[。！？\n])/)?.[0];
    if (!sentences?.trim()) return;
    waiting = waiting.slice(sentences.length);
    announce(sentences);
  };
}

function announce(text) {
  const line = document.createElement("p");
  line.textContent = visible(text.trim());
  $("#announced").append(line);
}

function again(turn) {
  if (running) return;
  drop(turn);
  $("#question").focus();
  ask(turn.question);
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
