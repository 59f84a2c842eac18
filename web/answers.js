// The worker's end: runs what it is asked, several things at a time, and asks back.

import { recordOf } from './error.js';

/**
 * Answers messages of `connection.js` with the methods of `session`, which may still be on its way. `post(message, transfer)` sends, `unpack`
 * undoes what was done to values so that they could be sent.
 */
export function answers(session, post, unpack = (value) => value) {
  const stops = new Map();
  const asked = new Map();
  let next = 1;

  return function received(message) {
    if (message.stop !== undefined) return stops.get(message.stop)?.abort();
    if (message.told !== undefined) {
      const waiting = asked.get(message.told);
      asked.delete(message.told);
      return message.error ? waiting?.reject(message.error) : waiting?.resolve(unpack(message.value, ask));
    }
    return void answer(message);
  };

  function ask(shared, ...args) {
    return new Promise((resolve, reject) => {
      const ask = next++;
      asked.set(ask, { resolve, reject });
      post({ ask, shared, args });
    });
  }

  async function answer({ id, name, args }) {
    const control = new AbortController();
    stops.set(id, control);
    const context = { signal: control.signal, emit: (event) => post({ id, event }), ask };
    try {
      const value = await (await session)[name](unpack(args, ask), context);
      post({ id, value }, value?.bytes instanceof Uint8Array ? [value.bytes.buffer] : []);
    } catch (why) {
      // A trap leaves the core in a state that nobody knows: the caller's end sees the worker break, as it does when nobody waits.
      if (why instanceof WebAssembly.RuntimeError) setTimeout(() => { throw why; });
      else post({ id, error: recordOf(why) });
    } finally {
      stops.delete(id);
    }
  }
}
