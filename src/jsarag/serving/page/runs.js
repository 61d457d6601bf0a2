// The runs: a line each, their reports, two of them side by side.

import { key } from "./key.js";
import { call, json } from "./server.js";
import { $, say, stamp, visible } from "./text.js";

/** Show the runs. */
export async function list() {
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
  const tags = [objective, serving && "served here", !finished && "not finished"];
  $(".tag", item).textContent = tags.filter(Boolean).join(" · ");
  say($(".headline", item), visible(headline ?? ""));
  Object.assign(box, { value: name, disabled: !finished });
  box.addEventListener("change", tick);
  report.hidden = !finished;
  leads(report, `runs/${encodeURIComponent(name)}/report`, `${name}.html`);
  return item;
}

function tick() {
  const names = [...document.querySelectorAll("#runs input:checked")].map((box) => box.value);
  const two = names.length === 2;
  const query = new URLSearchParams(names.map((name) => ["run", name]));
  $("#compare").removeAttribute("href");
  if (two) leads($("#compare"), `compare?${query}`, "compare.html");
  say($("#ticked"), two ? `${names.map(visible).join(" and ")} side by side` : "Tick two finished runs to compare them.");
}

/** Let a link open a page of the server; with a key the page is saved instead, as a link cannot send the key. */
function leads(link, path, file) {
  link.href = path;
  link.onclick = async (event) => {
    if (!key()) return;
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
