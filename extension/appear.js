// Runs only on sites where the person chose "appear as MetaMask" (worker.js registers it for those origins), before
// the page's own scripts. The browser may run it before or after provider.js, so it speaks at both moments.
'use strict';
(() => {
  const appear = () => window.dispatchEvent(new Event('tandem:appear'));
  window.addEventListener('tandem:provider', appear, { once: true });
  appear();
})();
