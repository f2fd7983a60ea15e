// The HTTP API of the server that the page came from.

const hex = (length) =>
  Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => byte.toString(16).padStart(2, "0")).join("");

export const random = () => hex(8);

// What the server refused, in its words; `code` is "unreachable" if it did not answer.
export class Refused extends Error {
  constructor(status, detail) {
    super(detail.message);
    Object.assign(this, { status, code: detail.code, detail });
  }
}

export class Api {
  constructor(token) {
    this.token = token;
  }

  get(path) {
    return this.call("GET", path);
  }

  // A write is done once, however often the browser sends it.
  post(path, body) {
    return this.call("POST", path, body, { "Idempotency-Key": hex(16) });
  }

  // Reads with a body.
  ask(path, body) {
    return this.call("POST", path, body);
  }

  delete(path) {
    return this.call("DELETE", path);
  }

  async call(method, path, body, headers = {}) {
    let answer, text;
    try {
      answer = await fetch(`/api/v1${path}`, {
        method,
        headers: { Authorization: `Bearer ${this.token}`, "Content-Type": "application/json", ...headers },
        body: body === undefined ? undefined : JSON.stringify(body),
        cache: "no-store",
      });
      text = await answer.text();
    } catch {
      throw new Refused(0, { code: "unreachable", message: "the server does not answer" });
    }
    if (answer.ok) return answer.headers.get("Content-Type")?.includes("json") ? JSON.parse(text) : text;
    throw new Refused(answer.status, errorIn(text) ?? { code: "unknown", message: `the server answered ${answer.status}` });
  }
}

function errorIn(text) {
  try {
    return JSON.parse(text).error;
  } catch {
    return undefined;
  }
}
