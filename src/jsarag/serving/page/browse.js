// The knowledge base: a page of its passages, a search, one passage.

import { card } from "./passage.js";
import { json } from "./server.js";
import { $, paint, say } from "./text.js";

const PAGE = 20; // passages on a page

let latest = 0; // counts what was asked: a reply that comes after that to a later question is not shown

/** Show what the rest of an address says: "/ID", or "?search=WORDS&offset=NUMBER", or nothing for the first page. */
export async function browse(rest) {
  const mine = ++latest;
  const one = rest.startsWith("/");
  const asked = new URLSearchParams(one ? "" : rest);
  const search = asked.get("search") ?? "";
  const offset = Math.max(0, Number.parseInt(asked.get("offset"), 10) || 0);
  const query = new URLSearchParams({ search, offset, limit: PAGE });
  if ($("#search").value.trim() !== search) $("#search").value = search;
  try {
    const found = await json(one ? `passages${rest}` : `passages?${query}`);
    if (mine !== latest) return;
    const { total, passages } = one ? { total: 0, passages: [found] } : found;
    const range = `${offset + 1}–${offset + passages.length} of ${total}`;
    say($("#found"), one ? "One passage" : passages.length ? range : "No passage has all of these words.");
    $("#shelf").replaceChildren(...passages.map((passage) => item(passage, search)));
    $("#all").hidden = !one;
    turnPages(search, offset, total);
  } catch (error) {
    if (mine !== latest) return;
    $("#shelf").replaceChildren();
    $("#pager").hidden = true;
    say($("#found"), error.message);
  }
}

function item(passage, search) {
  const shown = card(passage, places(passage.text, search), { whole: true });
  paint($(".title", shown), passage.title, places(passage.title, search));
  return shown;
}

/** Where a text has a word that was searched for. */
function places(text, search) {
  if (!search.trim()) return [];
  const pattern = new RegExp(search.trim().replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&").replace(/\s+/g, "|"), "giu");
  return [...text.matchAll(pattern)].map((match) => [match.index, match.index + match[0].length]);
}

function turnPages(search, offset, all) {
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

let typing = 0;
$("#find").addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(typing);
  location.hash = shelf($("#search").value.trim());
});
$("#search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    const hash = shelf($("#search").value.trim());
    history.replaceState(null, "", hash); // a step back leaves the search, not its letters one by one
    browse(hash.slice("#passages".length));
  }, 250);
});
