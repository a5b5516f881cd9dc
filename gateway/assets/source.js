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

/** Colours every script that is not coloured yet. */
export function markSources(within) {
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
