// The words of an answer where they stand in passages.

const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });
const SPACELESS = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}]/u;

/** The words of a text, with their places; also of scripts that put no space between words. */
export const words = (text) =>
  Array.from(segmenter.segment(text))
    .filter((part) => part.isWordLike)
    .map(({ segment, index: start }) => ({ word: plain(segment), start, end: start + segment.length }));

const plain = (word) => word.normalize("NFKC").toLowerCase();

/**
 * Where passages say what the answer says: for each passage the ranges [start, end) in its text and in the answer.
 *
 * A run of equal words is marked if it has three words or more, or is the whole answer and has three letters. A shorter
 * run is marked only for a telling word: one with a digit, or with five letters or more (two in scripts without
 * spaces), that stands in at most half of the passages, and in no longer run that another passage shares with the
 * answer. So names and amounts are marked, and "of the" is not. The rule needs no list of common words, which would
 * have to be made for each language.
 */
export function common(answer, passages) {
  const found = passages.map((text) => runs(answer, text));
  const spread = new Map(); // in how many passages a word stands
  for (const text of passages) {
    for (const word of new Set(text.map((one) => one.word))) spread.set(word, (spread.get(word) ?? 0) + 1);
  }
  const explained = new Set(found.flat().filter(({ n }) => n >= 3).flatMap(({ i, n }) => numbers(i, n)));
  const telling = (i) => {
    const { word } = answer[i];
    const long = [...word].length >= (SPACELESS.test(word) ? 2 : 5);
    return (long || /\p{N}/u.test(word)) && spread.get(word) <= Math.max(1, passages.length / 2) && !explained.has(i);
  };
  const range = (text, from, n) => [text[from].start, text[from + n - 1].end];
  const kept = ({ i, n }) => {
    const [start, end] = range(answer, i, n);
    return n >= 3 || (n === answer.length && end - start >= 3) || numbers(i, n).some(telling);
  };
  return passages.map((text, at) => {
    const marked = found[at].filter(kept);
    return {
      passage: merged(marked.map(({ j, n }) => range(text, j, n))),
      answer: merged(marked.map(({ i, n }) => range(answer, i, n))),
    };
  });
}

const numbers = (from, n) => Array.from({ length: n }, (_, more) => from + more);

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
