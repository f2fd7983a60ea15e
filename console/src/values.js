// Values as people read and write them: text as it is, anything else as JSON.

function parsed(text) {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

export function shown(value) {
  if (value === undefined) return "";
  if (typeof value === "string" && !parsed(value)) return value;
  return JSON.stringify(value);
}

// Each kind has `show(value)` and `read(text)`; read throws with what is wrong, undefined is no value.
export const KINDS = {
  text: {
    show: (value) => (typeof value === "string" ? value : shown(value)),
    read: (text) => (text === "" ? undefined : text),
  },
  number: {
    show: shown,
    // What is no number is kept as it is written: the review says what is wrong with it.
    read: (text) => (text.trim() === "" ? undefined : /^-?\d{1,15}$/.test(text.trim()) ? Number(text) : text.trim()),
  },
  names: {
    show: (value) => (isNames(value) ? value.join(", ") : shown(value)),
    read(text) {
      if (text.trim().startsWith("[")) return KINDS.json.read(text);
      const names = text.split(/[\s,]+/).filter(Boolean);
      return names.length ? names : undefined;
    },
  },
  json: {
    show: (value) => (value === undefined ? "" : JSON.stringify(value)),
    read(text) {
      if (text.trim() === "") return undefined;
      const found = parsed(text);
      if (!found) throw new Error("this is not JSON yet, so it is not saved");
      return found.value;
    },
  },
  any: {
    show: shown,
    read: (text) => (text === "" ? "" : (parsed(text)?.value ?? text)),
  },
};

const isNames = (value) =>
  Array.isArray(value) && value.every((name) => typeof name === "string" && /^[^\s,[\]]+$/.test(name));

// `pipeline.orders.source.config."x y"` as its parts.
export function parts(path) {
  const found = path.match(/"(?:[^"\\]|\\.)*"|\[\d+\]|[^.[\]"]+/g) ?? [];
  return found.map((part) => (part.startsWith('"') ? (parsed(part)?.value ?? part) : part.replace(/^\[(\d+)\]$/, "$1")));
}

const FORMAT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export const moment = (iso) => FORMAT.format(new Date(iso));
