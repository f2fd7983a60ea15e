// What somebody has to know although they are looking elsewhere.

import { button, el } from "./dom.js";

export class Notices {
  constructor() {
    this.node = el("div", { class: "notices", role: "status" });
  }

  // A message, with something to do about it or without. The same one twice is one.
  tell(text, action = "", act = () => {}) {
    for (const old of [...this.node.children]) if (old.dataset.text === text) old.remove();
    const notice = el("div", { class: "notice", "data-text": text }, el("span", {}, text));
    const close = () => notice.remove();
    if (action) notice.append(button(action, () => (close(), act())));
    notice.append(button("×", close, { class: "plain", "aria-label": "Close this message" }));
    this.node.append(notice);
  }
}
