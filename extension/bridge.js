// Between the page's provider and the service worker: passes JSON texts, judges nothing. It is the only script of ours
// in the page's process that the browser lets speak to the worker, and the browser names the page's origin to the worker.
'use strict';
(() => {
  const ASK = 'tandem:ask';
  const TELL = 'tandem:tell';
  const runtime = (globalThis.browser ?? globalThis.chrome).runtime;
  const LOST = { type: 'down', error: { code: 4900, message: 'Tandem’s extension stopped; if it was replaced, load the page again.' } };

  if (window.origin === 'null') return;

  let port = null;
  let wanted = false; // the page used its provider: it wants events, also after the worker slept

  const tell = (message) => window.dispatchEvent(new CustomEvent(TELL, { detail: JSON.stringify(message) }));

  function connect() {
    if (port !== null) return;
    port = runtime.connect({ name: 'page' }); // throws once the extension was replaced
    port.onMessage.addListener(tell);
    port.onDisconnect.addListener(() => {
      port = null;
      tell(LOST);
    });
  }

  function pass(message) {
    wanted = true;
    try {
      connect();
      if (message.type === 'rpc') port.postMessage(message);
    } catch {
      port = null;
      tell(LOST);
    }
  }

  window.addEventListener(ASK, (event) => {
    let message = null;
    try {
      message = JSON.parse(event.detail);
    } catch {
      return; // not our provider
    }
    if (message?.type === 'rpc' || message?.type === 'touch') pass(message);
  });

  // The worker sleeps when nothing happens; who looks at the page again wants to know what changed.
  document.addEventListener('visibilitychange', () => {
    if (wanted && document.visibilityState === 'visible') pass({ type: 'touch' });
  });
})();
