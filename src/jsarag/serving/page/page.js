// The page: its three views by the hash of the address.

import "./talk.js";
import { browse } from "./browse.js";
import { askForKey } from "./key.js";
import { list } from "./runs.js";
import { count, served } from "./server.js";
import { $, say, visible } from "./text.js";

const VIEWS = {
  ask: () => $("#question").focus({ preventScroll: true }),
  passages: browse,
  runs: list,
};

function route() {
  const [, named, rest = ""] = /^#(\w+)([/?].*)?$/.exec(location.hash) ?? [];
  const name = Object.hasOwn(VIEWS, named ?? "") ? named : "ask";
  for (const view of document.querySelectorAll("[data-view]")) view.hidden = view.dataset.view !== name;
  for (const link of document.querySelectorAll("header a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${$("#served").textContent}: ${name}`;
  VIEWS[name](rest);
}

async function start() {
  route();
  try {
    const name = visible(await served());
    document.title = document.title.replace($("#served").textContent, () => name);
    $("#served").textContent = name;
    $("#held").textContent = `the ${await count()} passages`;
  } catch (error) {
    say($("#ask-start"), error.message);
  }
}

$("#change-key").addEventListener("click", () => askForKey(null).then(start, () => {}));
addEventListener("hashchange", route);
start();
