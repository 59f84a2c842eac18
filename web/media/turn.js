// Taking turns: what is read and written without waiting would keep messages, such as that to stop, from being heard.

const PATIENCE = 25;
let last = performance.now();

/** Lets messages in, when none could come in for some milliseconds. */
export async function breathe() {
  if (performance.now() - last < PATIENCE) return;
  await turn();
  last = performance.now();
}

function turn() {
  if (globalThis.setImmediate) return new Promise((resolve) => setImmediate(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
