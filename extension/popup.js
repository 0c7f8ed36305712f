// The popup: pairing, the site in front, and where the client listens. Everything is written as text, nothing as markup.

import { siteOf } from './sites.js';

const api = globalThis.browser ?? globalThis.chrome;
const at = (id) => document.getElementById(id);
const words = (key, ...values) => api.i18n.getMessage(key, values);
const ask = (name, rest = {}) => api.runtime.sendMessage({ ask: name, ...rest });

let site = null;

function showClient({ client, port }) {
  at('client').textContent = words(`client_${client}`);
  at('client').dataset.state = client;
  at('pairing').hidden = client !== 'unpaired';
  if (port !== undefined) at('port').value = port;
}

function showSite({ appears, accounts }) {
  at('site').hidden = false;
  at('site-name').textContent = site;
  at('site-state').textContent = accounts.length > 0 ? words('site_sees', accounts.join(', ')) : words('site_sees_nothing');
  at('appear').checked = appears;
  at('revoke').hidden = accounts.length === 0;
}

/** The page in front; where the popup is opened as a tab, the page that comes to the front next. */
async function lookAt(tab) {
  site = siteOf(tab?.url) ?? site;
  if (site !== null) showSite(await ask('site', { site }));
}

async function lookAround() {
  const [tab] = await api.tabs.query({ active: true, currentWindow: true });
  await lookAt(tab);
}

async function refresh() {
  showClient(await ask('state'));
  await lookAround();
}

at('pairing').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { outcome, client } = await ask('pair', { code: at('code').value });
  at('code').value = '';
  at('pairing-outcome').textContent = outcome === 'paired' ? '' : words(`pairing_${outcome.replace('-', '_')}`);
  showClient({ client });
  await lookAround();
});

at('address').addEventListener('submit', async (event) => {
  event.preventDefault();
  const answer = await ask('port', { port: Number(at('port').value) });
  if (answer.error === undefined) showClient(answer);
  else at('client').textContent = words('port_wrong');
});

at('appear').addEventListener('change', async ({ target }) => showSite(await ask('appear', { site, on: target.checked })));
at('revoke').addEventListener('click', async () => showSite(await ask('revoke', { site })));
api.tabs.onActivated.addListener(async ({ tabId }) => lookAt(await api.tabs.get(tabId)));

document.documentElement.lang = api.i18n.getUILanguage();
for (const element of document.querySelectorAll('[data-text]')) element.textContent = words(element.dataset.text);
refresh();
