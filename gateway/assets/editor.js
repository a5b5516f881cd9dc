// An editor for scripts: <div class="editor" data-for="ID OF A TEXTAREA">.

import { CodeJar } from "./vendor/codejar-4.3.0/codejar.js";
import { fill, linesOf } from "./source.js";

function colour(editor) {
  const lines = linesOf(editor.textContent);
  const tokens = lines.flatMap((line, index) => (index === 0 ? line : [["", "\n"], ...line]));
  fill(editor, tokens);
}

for (const editor of document.querySelectorAll(".editor[data-for]")) {
  const area = document.getElementById(editor.dataset.for);
  editor.textContent = area.value;
  editor.hidden = false;
  area.hidden = true;
  const jar = CodeJar(editor, colour, { tab: "    ", spellcheck: false });
  colour(editor);
  const keep = () => { area.value = jar.toString(); };
  jar.onUpdate(keep);
  // Also what comes by the mouse.
  editor.addEventListener("input", keep);
  // A browser without scripts has the area; with them the label leads here.
  document.querySelector(`label[for="${CSS.escape(area.id)}"]`)?.addEventListener("click", () => editor.focus());
}
