// Makes elements. Data becomes text and never markup.

// An element: `on*` are listeners, `class` and other names attributes; false and null leave an attribute away.
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// Show these children and no others, unless they say the same as what is there.
export function fill(node, ...children) {
  const fresh = el("div", {}, ...children);
  if (fresh.innerHTML === node.innerHTML && !fresh.querySelector("button,input,select")) return;
  node.replaceChildren(...fresh.childNodes);
}

// An attribute that is "true", or not there.
export function flag(node, name, holds) {
  if (holds) node.setAttribute(name, "true");
  else node.removeAttribute(name);
}

export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function button(text, onclick, attributes = {}) {
  return el("button", { type: "button", onclick, ...attributes }, text);
}

// Keep one child for each key, in the order of the keys; `make` is called for new ones only.
export function keyed(parent, known, keys, make) {
  const focused = document.activeElement;
  for (const [key, part] of known) {
    if (!keys.includes(key)) {
      part.node.remove();
      known.delete(key);
    }
  }
  keys.forEach((key, place) => {
    if (!known.has(key)) known.set(key, make(key));
    const { node } = known.get(key);
    if (parent.children[place] !== node) parent.insertBefore(node, parent.children[place] ?? null);
  });
  // Moving an element takes the focus from what is inside it.
  if (focused && focused !== document.activeElement && parent.contains(focused)) focused.focus();
}

// Put another text into a field where somebody may be typing, and leave the caret between the same letters.
export function replaceText(input, text) {
  const old = input.value;
  if (old === text) return;
  if (document.activeElement !== input || input.selectionStart === null) {
    input.value = text;
    return;
  }
  const { selectionStart, selectionEnd, selectionDirection, scrollTop } = input;
  const shortest = Math.min(old.length, text.length);
  let head = 0;
  while (head < shortest && old[head] === text[head]) head += 1;
  let tail = 0;
  while (tail < shortest - head && old[old.length - 1 - tail] === text[text.length - 1 - tail]) tail += 1;
  const moved = (at) => {
    if (at <= head && !(at === head && head + tail === old.length && tail === 0)) return at;
    return at >= old.length - tail ? at + text.length - old.length : head;
  };
  input.value = text;
  input.setSelectionRange(moved(selectionStart), moved(selectionEnd), selectionDirection);
  input.scrollTop = scrollTop;
}

// What a press of Enter in a row of inputs does.
export function onEnter(act) {
  return (event) => {
    if (event.key === "Enter" && !event.isComposing) act();
  };
}
