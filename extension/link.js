// The WebSocket to the client on this machine: one for all pages, each page behind a numbered port of its own
// (docs/door.md). It opens when a page or the popup wants something, and again by itself while pages wait.

import { keepToken, readPort, readToken } from './sites.js';

const AWAKE_SECONDS = 20; // the browser ends a worker that was quiet for 30
const RETRY_SECONDS = [1, 2, 3, 5];
const FRAME_BYTES_MAX = (2 << 20) - 1024; // what the client takes, less the envelope
const QUEUED_MAX = 64; // requests that a page may have before its port is open
const DISCONNECTED = 4900; // EIP-1193
const LIMIT_EXCEEDED = -32005; // EIP-1474
const DEPTH_MAX = 60; // the client refuses a whole frame that is nested deeper than 64, and names no request then

const encoder = new TextEncoder();

/** Where the client is. */
async function address() {
  return `ws://127.0.0.1:${await readPort()}/extension`;
}

/** Gives the six digits to the client; `paired` once the token is kept, else `code`, `no-code` or `offline`. */
export async function pair(code) {
  const socket = new WebSocket(await address());
  const answer = await new Promise((resolve) => {
    socket.onopen = () => socket.send(JSON.stringify({ type: 'pair', code }));
    socket.onmessage = ({ data }) => resolve(JSON.parse(data));
    socket.onclose = () => resolve({ reason: 'offline' });
  });
  socket.close();
  if (answer.type !== 'paired') return answer.reason;
  await keepToken(answer.token);
  return 'paired';
}

/**
 * Guests are pages: `{origin, tell(message)}`, told `up`, `rpc`, `event` and `down` (provider.js says what they mean).
 * `words(key)` gives a sentence in the person's language. States: `idle`, `connecting`, `welcome`, `offline`, `unpaired`.
 */
export class Link {
  state = 'idle';
  #words;
  #socket = null;
  #settled = null; // a promise of the state that connecting ends in
  #guests = new Map();
  #last = 0;
  #failures = 0;
  #retry = null;
  #awake = null;

  constructor(words) {
    this.#words = words;
  }

  /** Lets a guest in; its port. It is told `up` once the client knows it. */
  enter(origin, tell) {
    const port = String(++this.#last);
    this.#guests.set(port, { origin, tell, opened: false, queue: [] });
    if (this.state === 'welcome') this.#send({ type: 'open', port, origin });
    else this.connect();
    return port;
  }

  /** What it asked and nobody answered yet is withdrawn. */
  leave(port) {
    if (this.#guests.delete(port) && this.state === 'welcome') this.#send({ type: 'close', port });
  }

  /** A guest's JSON-RPC request. It waits for the client only while one is being reached; else the guest hears `down`. */
  ask(port, message) {
    const guest = this.#guests.get(port);
    if (guest === undefined) return;
    if (guest.opened) return this.#pass(port, guest, message);
    if (guest.queue.length >= QUEUED_MAX) return refuse(guest, message, this.#words('busy'));
    guest.queue.push(message);
    this.connect();
  }

  /** Opens the socket where it is not open; the state reached: `welcome`, `unpaired` or `offline`. */
  connect() {
    if (this.state !== 'welcome' && this.state !== 'connecting') {
      this.state = 'connecting';
      this.#settled = this.#open();
    }
    return this.#settled;
  }

  /** Drops the connection (another token or port is to be used); every guest hears `down`. */
  drop() {
    const socket = this.#socket;
    this.#end('idle');
    socket?.close();
  }

  async #open() {
    clearTimeout(this.#retry);
    const [token, url] = await Promise.all([readToken(), address()]);
    if (token === null) return this.#end('unpaired');
    const socket = new WebSocket(url);
    this.#socket = socket;
    return new Promise((resolve) => {
      socket.onopen = () => socket.send(JSON.stringify({ type: 'hello', token }));
      socket.onmessage = ({ data }) => {
        if (socket !== this.#socket) return;
        const message = JSON.parse(data);
        if (message.port !== undefined) this.#deliver(message);
        else if (message.type === 'welcome') resolve(this.#welcome());
        else if (message.reason === 'token') resolve(keepToken(null).then(() => this.#end('unpaired')));
      };
      socket.onclose = () => resolve(socket === this.#socket ? this.#end('offline') : this.connect());
    });
  }

  #welcome() {
    this.state = 'welcome';
    this.#failures = 0;
    this.#awake = setInterval(() => this.#send({ type: 'ping' }), AWAKE_SECONDS * 1000);
    for (const [port, { origin }] of this.#guests) this.#send({ type: 'open', port, origin });
    return this.state;
  }

  #end(state) {
    this.state = state;
    this.#socket = null;
    clearInterval(this.#awake);
    clearTimeout(this.#retry);
    for (const guest of this.#guests.values()) turnAway(guest, this.#words(state));
    if (state === 'offline' && this.#guests.size > 0) {
      const seconds = RETRY_SECONDS[Math.min(this.#failures++, RETRY_SECONDS.length - 1)];
      this.#retry = setTimeout(() => this.connect(), seconds * 1000);
    }
    return state;
  }

  #deliver({ type, port, ...rest }) {
    const guest = this.#guests.get(port);
    if (guest === undefined) return; // it left meanwhile
    if (type === 'opened') {
      guest.opened = true;
      guest.tell({ type: 'up', ...rest });
      for (const message of guest.queue.splice(0)) this.#pass(port, guest, message);
    } else if (type === 'refused') {
      turnAway(guest, this.#words('refused'));
    } else if (type === 'rpc' || type === 'event') {
      guest.tell({ type, ...rest });
    }
  }

  #pass(port, guest, message) {
    const text = JSON.stringify({ type: 'rpc', port, message });
    if (encoder.encode(text).length > FRAME_BYTES_MAX || isDeep(message, DEPTH_MAX)) {
      refuse(guest, message, this.#words('large'));
    } else this.#socket.send(text);
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message));
  }
}

function turnAway(guest, message) {
  guest.opened = false;
  guest.queue = [];
  guest.tell({ type: 'down', error: { code: DISCONNECTED, message } });
}

/** Is the value nested deeper than that? */
function isDeep(value, depth) {
  if (value === null || typeof value !== 'object') return false;
  return depth === 0 || Object.values(value).some((inside) => isDeep(inside, depth - 1));
}

function refuse(guest, asked, message) {
  guest.tell({ type: 'rpc', message: { jsonrpc: '2.0', id: asked?.id, error: { code: LIMIT_EXCEEDED, message } } });
}
