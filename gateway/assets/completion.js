// Offers fields and values while a filter is typed: <input data-suggestions='{"field": ["value", …]}'>.

const input = document.getElementById("search");
const known = JSON.parse(input.dataset.suggestions || "{}");
const list = document.createElement("ul");
list.className = "completion";
list.id = "completion";
list.hidden = true;
list.setAttribute("role", "listbox");
input.after(list);
input.setAttribute("role", "combobox");
input.setAttribute("aria-controls", "completion");
input.setAttribute("aria-expanded", "false");
let chosen = -1;

/** The word before the cursor, and where it begins. */
function word() {
  const before = input.value.slice(0, input.selectionStart);
  const start = before.search(/\S*$/);
  return [before.slice(start), start];
}

function offers() {
  const [text] = word();
  const colon = text.indexOf(":");
  if (colon < 0) {
    const fields = Object.keys(known).filter((field) => field.startsWith(text.toLowerCase()));
    return fields.map((field) => ({ text: `${field}:`, about: (known[field] ?? []).slice(0, 3).join(", ") }));
  }
  const [field, value] = [text.slice(0, colon), text.slice(colon + 1).toLowerCase()];
  const values = (known[field] ?? []).filter((one) => one.toLowerCase().includes(value) && one.toLowerCase() !== value);
  return values.slice(0, 12).map((one) => ({ text: `${field}:${one}`, about: "" }));
}

function close() {
  list.hidden = true;
  chosen = -1;
  input.setAttribute("aria-expanded", "false");
}

function show() {
  const found = offers();
  list.replaceChildren(...found.map(({ text, about }, index) => {
    const item = document.createElement("li");
    item.setAttribute("role", "option");
    item.id = `offer-${index}`;
    item.append(text);
    const span = document.createElement("span");
    span.textContent = about;
    item.append(span);
    item.dataset.text = text;
    return item;
  }));
  chosen = -1;
  list.hidden = found.length === 0;
  input.setAttribute("aria-expanded", String(!list.hidden));
}

function choose(index) {
  const items = [...list.children];
  chosen = (index + items.length) % items.length;
  items.forEach((item, at) => item.setAttribute("aria-selected", String(at === chosen)));
  items[chosen].scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", items[chosen].id);
}

function take(item) {
  const [text, start] = word();
  const value = item.dataset.text + (item.dataset.text.endsWith(":") ? "" : " ");
  input.value = input.value.slice(0, start) + value + input.value.slice(start + text.length);
  input.setSelectionRange(start + value.length, start + value.length);
  input.focus();
  if (value.endsWith(":")) show();
  else close();
}

input.addEventListener("input", show);
input.addEventListener("focus", show);
input.addEventListener("blur", () => setTimeout(close, 150));
input.addEventListener("keydown", (event) => {
  if (list.hidden) return;
  if (event.key === "ArrowDown") choose(chosen + 1);
  else if (event.key === "ArrowUp") choose(chosen - 1);
  else if (event.key === "Enter" && chosen >= 0) take(list.children[chosen]);
  else if (event.key === "Tab" && list.children.length > 0 && word()[0] !== "") take(list.children[Math.max(chosen, 0)]);
  else if (event.key === "Escape") {
    event.stopPropagation();
    close();
    return;
  } else return;
  event.preventDefault();
});
list.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  const item = event.target.closest("li");
  if (item) take(item);
});
