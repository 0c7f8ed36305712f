// What the person set, in the extension's own storage, which pages' scripts cannot read: the token, the client's port,
// and the sites where the extension appears as MetaMask.

const api = globalThis.browser ?? globalThis.chrome;
const APPEAR = 'appear-as-metamask';
export const PORT_DEFAULT = 1248;

/** Content scripts run in the pages' processes: they get none of it. (Firefox has no such switch.) */
export async function closeToPages() {
  await api.storage.local.setAccessLevel?.({ accessLevel: 'TRUSTED_CONTEXTS' });
}

export async function readToken() {
  return (await api.storage.local.get('token')).token ?? null;
}

export async function keepToken(token) {
  await (token === null ? api.storage.local.remove('token') : api.storage.local.set({ token }));
}

export async function readPort() {
  return (await api.storage.local.get('port')).port ?? PORT_DEFAULT;
}

/** Where the client listens on this machine. Throws RangeError. */
export async function keepPort(port) {
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new RangeError('port');
  await api.storage.local.set({ port });
}

/** `https://app.example:8443` as the browser writes it, or null where that is no site: a file, an opaque origin. */
export function siteOf(text) {
  if (!URL.canParse(text ?? '')) return null;
  const { origin, protocol } = new URL(text);
  return protocol === 'http:' || protocol === 'https:' ? origin : null;
}

export async function readAppearing() {
  return (await api.storage.local.get(APPEAR))[APPEAR] ?? [];
}

/** From the next load of that site's pages on. */
export async function setAppearing(site, on) {
  const others = (await readAppearing()).filter((one) => one !== site);
  await api.storage.local.set({ [APPEAR]: on ? [...others, site] : others });
  await registerAppearing();
}

/** Firefox knows no port in a pattern: there it stands for every port of that host. */
function patternOf(site) {
  const { protocol, hostname } = new URL(site);
  return api.runtime.getURL('').startsWith('moz-extension:') ? `${protocol}//${hostname}/*` : `${site}/*`;
}

/** Tells the browser to run appear.js before those sites' own scripts; it forgets when the extension is updated. */
export async function registerAppearing() {
  const matches = (await readAppearing()).map(patternOf);
  const registered = await api.scripting.getRegisteredContentScripts({ ids: [APPEAR] });
  if (registered.length > 0) await api.scripting.unregisterContentScripts({ ids: [APPEAR] });
  if (matches.length === 0) return;
  await api.scripting.registerContentScripts([
    { id: APPEAR, matches, js: ['appear.js'], runAt: 'document_start', world: 'MAIN', allFrames: true },
  ]);
}
