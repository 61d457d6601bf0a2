// Elements, and text in them. What the server sends is shown as text, never as HTML: passages come from anywhere.

export const $ = (selector, within = document) => within.querySelector(selector);
export const stamp = (name) => $(`template#${name}`).content.firstElementChild.cloneNode(true);
export const say = (element, text) => {
  element.textContent = text;
  element.hidden = !text;
};

/**
 * A text without what cannot be seen: control characters, such as those of a terminal's escapes, and signs that turn
 * the direction of letters round become unknown ones; one for one, so that places stay.
 */
export const visible = (text) => text.replace(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f\u202d\u202e]/g, "\ufffd");

/** Show a text with some ranges of it marked. */
export function paint(element, text, ranges = []) {
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

/** Light up ranges of an element that holds one text, and no others; its nodes stay, and so does a selection. */
export function light(element, ranges) {
  if (!globalThis.Highlight) return; // an older browser goes without
  const lit = ranges.map(([start, end]) => {
    const range = document.createRange();
    range.setStart(element.firstChild, start);
    range.setEnd(element.firstChild, end);
    return range;
  });
  CSS.highlights.set("said", new Highlight(...lit));
}
