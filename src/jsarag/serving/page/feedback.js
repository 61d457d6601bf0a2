// Thumbs and corrections, which the server keeps for the next training.

import { call } from "./server.js";
import { $, say } from "./text.js";

/** Let an answer be judged, once. A thumb down may bring the right answer with it. */
export function judge({ question, history, answer, passages, view }) {
  const form = $(".correction", view);
  const [up, down] = [$(".up-vote", view), $(".down-vote", view)];
  let sent = false;
  const open = (on) => {
    form.hidden = !on;
    (on ? $(".right", form) : down).focus();
  };
  const send = async (thumbs, correction) => {
    if (sent) return;
    sent = true;
    const turns = history.map(({ role, content }) => ({ role, text: content }));
    const body = { question, history: turns, answer, passages: passages.map(({ id }) => id), thumbs, correction };
    try {
      await call("feedback", { body });
      if (!form.hidden) open(false);
      (thumbs === "up" ? up : down).setAttribute("aria-pressed", "true");
      // Not `disabled`, which would take the focus away.
      for (const button of [up, down]) button.setAttribute("aria-disabled", "true");
      say($(".done", view), correction ? "The correction is kept." : "The judgement is kept.");
    } catch (error) {
      sent = false;
      say($(".done", view), error.message);
    }
  };
  up.addEventListener("click", () => send("up", null));
  down.addEventListener("click", () => sent || open(form.hidden));
  $(".cancel", form).addEventListener("click", () => open(false));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send("down", $(".right", form).value.trim() || null);
  });
}
