// The service worker: lets pages in under the origin that the browser names, and does what the popup asks.

import { Link, pair } from './link.js';
import * as sites from './sites.js';

const api = globalThis.browser ?? globalThis.chrome;
const HERE = new URL(api.runtime.getURL('')).origin;
const link = new Link((key) => api.i18n.getMessage(`problem_${key}`));

sites.closeToPages();
api.runtime.onInstalled.addListener(() => sites.registerAppearing());

api.runtime.onConnect.addListener((port) => {
  const origin = sites.siteOf(port.sender?.origin); // the browser's word, never the page's
  if (port.name !== 'page' || origin === null) return port.disconnect();
  const guest = link.enter(origin, (message) => port.postMessage(message));
  port.onMessage.addListener(({ message }) => link.ask(guest, message));
  port.onDisconnect.addListener(() => link.leave(guest));
});

/** What the popup may ask; each gives what the popup shows. */
const answers = {
  async state() {
    return { client: await link.connect(), port: await sites.readPort() };
  },

  async pair({ code }) {
    const outcome = await pair(code);
    if (outcome === 'paired') link.drop();
    return { outcome, client: await link.connect() };
  },

  async port({ port }) {
    await sites.keepPort(port);
    link.drop();
    return answers.state();
  },

  /** What the client lets that site see, and how the extension appears there. */
  async site({ site }) {
    const appears = (await sites.readAppearing()).includes(site);
    const { accounts } = await visit(site);
    return { appears, accounts };
  },

  async appear({ site, on }) {
    await sites.setAppearing(site, on);
    return answers.site({ site });
  },

  async revoke({ site }) {
    await visit(site, { method: 'wallet_revokePermissions', params: [{ eth_accounts: {} }] });
    return answers.site({ site });
  },
};

/** Enters as that site's page would, asks one thing or nothing, and leaves; the accounts that the site sees. */
async function visit(site, request = null) {
  if (sites.siteOf(site) !== site) throw new TypeError('site');
  if ((await link.connect()) !== 'welcome') return { accounts: [] };
  return new Promise((resolve) => {
    let accounts = [];
    const leave = () => {
      link.leave(guest);
      resolve({ accounts });
    };
    const guest = link.enter(site, (told) => {
      if (told.type === 'up') {
        ({ accounts } = told);
        if (request === null) leave();
        else link.ask(guest, { jsonrpc: '2.0', id: 1, ...request });
      } else if (told.type === 'rpc' || told.type === 'down') leave();
    });
  });
}

api.runtime.onMessage.addListener((message, sender, answer) => {
  // Content scripts can send messages too, with the page's origin: only the extension's own pages are answered.
  if (sender.id !== api.runtime.id || sender.origin !== HERE || !Object.hasOwn(answers, message?.ask)) return false;
  answers[message.ask](message).then(answer, (error) => answer({ error: String(error.message) }));
  return true;
});
