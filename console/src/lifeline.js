// Notices a connection that is dead without having been closed, and closes it, so that the client makes a new one.
//
// The client means to do so itself, with a code that browsers do not let a page use.

// Something is said at least once in a presence beat, and answered.
const SILENT_MS = 40_000;
const LOOK_MS = 5000;
const GIVEN_UP = 4000;

export class Lifeline {
  constructor() {
    this._offline = () => this._cut("offline");
    window.addEventListener("offline", this._offline);
    this._timer = setInterval(() => Date.now() - this._heard > SILENT_MS && this._cut("silent"), LOOK_MS);
  }

  holds(socket) {
    this._socket = socket;
    this._heard = Date.now();
    socket.addEventListener("message", () => (this._heard = Date.now()));
  }

  end() {
    clearInterval(this._timer);
    window.removeEventListener("offline", this._offline);
  }

  _cut(why) {
    if (this._socket?.readyState === WebSocket.OPEN) this._socket.close(GIVEN_UP, why);
  }
}
