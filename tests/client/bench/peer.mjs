// A server that ours is compared with: node peer.mjs simple|hocuspocus PORT. Both acknowledge before anything is stored.

const [name, port] = process.argv.slice(2);
const address = "127.0.0.1";

const start = {
  async simple() {
    const { SimpleServer } = await import("loro-websocket/server");
    await new SimpleServer({ host: address, port: +port }).start();
  },
  async hocuspocus() {
    const { Server } = await import("@hocuspocus/server");
    await new Server({ address, port: +port, quiet: true }).listen();
  },
};

await start[name]();
console.log("ready");
