// Colours scripts that the server has rendered as lines. Only texts are set, never HTML.

/** The tokens of a text, line by line: each a list of [class, text]. */
export function linesOf(text) {
  const lines = [[]];
  const add = (kind, text) => {
    const parts = text.split("\n");
    parts.forEach((part, index) => {
      if (index > 0) lines.push([]);
      if (part !== "") lines.at(-1).push([kind, part]);
    });
  };
  const walk = (token, kind) => {
    if (typeof token === "string") add(kind, token);
    else if (Array.isArray(token)) token.forEach((inner) => walk(inner, kind));
    else walk(token.content, [token.type, ...[token.alias ?? []].flat()].map((name) => `tok-${name}`).join(" "));
  };
  walk(Prism.tokenize(text, Prism.languages.rhai), "");
  return lines;
}

/** Puts coloured tokens in place of the text of an element. */
export function fill(element, tokens) {
  element.replaceChildren(...tokens.map(([kind, text]) => {
    if (kind === "") return document.createTextNode(text);
    const span = document.createElement("span");
    span.className = kind;
    span.textContent = text;
    return span;
  }));
}

/** Marks the line that runs. Without one none is marked. */
function markLine(source) {
  for (const mark of source.querySelectorAll(".here")) mark.classList.remove("here");
  const number = source.dataset.here;
  if (!number) return;
  for (const gutter of source.querySelectorAll(".n")) {
    if (gutter.textContent === number) {
      gutter.classList.add("here");
      gutter.nextElementSibling.classList.add("here");
    }
  }
}

/** Colours every script that is not coloured yet. */
export function markSources(within) {
  within.querySelectorAll("[data-here]").forEach(markLine);
  if (typeof Prism === "undefined") return;
  for (const source of within.querySelectorAll("[data-source]:not([data-coloured])")) {
    source.dataset.coloured = "";
    const lines = [...source.querySelectorAll("[data-line]")];
    const coloured = linesOf(lines.map((line) => line.textContent).join("\n"));
    lines.forEach((line, index) => {
      // The marked part of a line stays as it is.
      if (!line.querySelector("mark")) fill(line, coloured[index] ?? []);
    });
  }
}
