// The key that a server may ask for: kept for the tab alone, and sent with every call.

import { $, say } from "./text.js";

const KEY = "jsarag-key";
const NONE = "The server answers only with a key. Ask again to give the key.";

/** The key, or null. */
export const key = () => sessionStorage.getItem(KEY);

let asking = null; // one dialog for all calls that wait for a key

/** Ask for a key; `refused` is the one that the server did not take. */
export function askForKey(refused) {
  asking ??= new Promise((resolve, reject) => {
    const dialog = $("#key-dialog");
    const closed = () => {
      const given = $("#key").value;
      $("#key").value = "";
      asking = null;
      if (!dialog.returnValue) return reject(new Error(NONE));
      sessionStorage.setItem(KEY, given);
      $("#change-key").hidden = false;
      resolve();
    };
    if (refused) say($("#key-note"), "The server does not take this key.");
    dialog.addEventListener("close", closed, { once: true });
    dialog.returnValue = "";
    dialog.showModal();
  });
  return asking;
}

$("#change-key").hidden = !key();
$("#key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  $("#key-dialog").close("given");
});
$("#key-cancel").addEventListener("click", () => $("#key-dialog").close(""));
