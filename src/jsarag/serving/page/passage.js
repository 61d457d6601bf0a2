// A passage as an item of a list.

import { $, paint, say, stamp, visible } from "./text.js";

const FOLDED = 120; // characters from which a passage without marks is cut to three lines
const LONG = 1000; // characters from which a passage with marks can be cut too

const percent = (share) => (share > 0 && share < 0.005 ? "< 1 %" : `${Math.round(100 * share)} %`);

/** A passage as an item of a list; `ranges` of its text are marked. */
export function card(passage, ranges = [], { whole = false } = {}) {
  const item = stamp("passage");
  const text = $(".text", item);
  say($(".title", item), visible(passage.title));
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
export function retrieved(passage, rank, ranges, move) {
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
