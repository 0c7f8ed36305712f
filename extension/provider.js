// The page's side: an EIP-1193 provider, announced by EIP-6963. Runs in the page's own world, which is hostile ground:
// it holds no secret and decides nothing. Who the page is, the browser tells the service worker, not this script.
'use strict';
(() => {
  const NAME = 'Tandem';
  const RDNS = 'local.tandem.wallet'; // below a name that the Internet reserves: nobody else's domain
  const ASK = 'tandem:ask'; // to bridge.js: a JSON text
  const TELL = 'tandem:tell'; // from bridge.js: a JSON text
  const DISCONNECTED = 4900; // EIP-1193
  const INVALID_REQUEST = -32600;
  const INVALID_PARAMS = -32602;
  const ICON = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAGAAAABgCAYAAADimHc4AAAOkklEQVR4nOydCXBdVRnH//e+fcnLnjRd0iWthNoWME3axAIFRh21Cu4O7lat64yOjjLDqOiMuO/LCAMqjo4KdQArqyAU6JqkG6UbNEmbkqTZXvL29V6/cwOheX3JOfe+m/cYvD8mvJfXc+897/vO+c453/edEzsM4r/iylqnpFyjSGqbBDRBwjKoWC5JUjlew6iqOknftVdSpV4Fao+sSvszCeWx0LE94zCApKewt6WlwQX3l6gaW0jQa2ExDSnmAAnzwQSSv4t1dw+KXiekACZ4t+T+Oj1mG13igcUcqHH6+X1CTf1YRBFzKsASfCFMKSKtpm4Nd3ePzlbKNuv1LS0OP9w/kCR8kYTvgIVOmMykdhn2QGJh3aMYHFTylsr3YWB1e5XNK+2QIHXAomBUqLuzMfUd+QZq+aLSmzfbSfj/toRvHkyWNo98P5Nt7r9dpIDKSPo3dEE7LEyFTPkmJtvcz2eMAZUtb/wsFfw2LOYFsvfr3Q2N5xOD/V0XfDaFb82Gepfb3kdv3bCYR9R4UkqviHZ2DrHfpk2Q023/DizhFwHJ41IcN03/xv5Xvq5tuex0PC/NNS21MJFXeoHWA2wOx7ct4RcTyeNUnbewd1PTIgkbYVFUqMFv1l7LWtqbHZJ8HBZFJ60ql9qpC9wAi5LAZG+nFcLlsCgNJHs2BiyARalYIJOnaBksSgK5fBZQD5CsHlAiKIq2wE6+HxcsSgKLn8uwKCmWAkqMHSXGZZdRH3CjtsyFWr8LNQEXWpdVYSSUwFAoib7RKA6eDWIsmtJ1X9B9bT4v/bghezzaKyMbTUCJx7XXbDQGZBSUkqIrwEmCWb+0Eu1NNWhfUYOmen+eUipyo6UZRcHQZAIPHxnEH3b1Ip7OzrzEZoOroQbuxnq4FtXDUS2WnpQen0Ti7BCS/cNIDo4ASnEVIlWtf6OKIrC02osvXLsKb1ptwqSLanx6JIxv3vcsTsVUBNrWwNu0GGYQP92Pyf3PITsZQTGYdwVU+5z4/DUrcf3li6iRmjvkJKixbo85cF/MhYSqK8dsTlTqBdHjvQh1HoOaSGI+mTcFeBw2fKxjOT7SsRRe5/xaumBWwm0RF55JmJs9k02lET10CuEjJ+dtrJgXBbDB9I6Pt6Kx2odi0pm04RchDyYV83oDIz0ewui/dkKZh95g+jR0YYUHd31qg3HhF9AcWl1Z/KQyilrZ3NbqqAqg9t3XwuY3PznQVAWwgfZPW9vQUF5ARaXCOmSDXcVPqmKoN1kJ9oAPNTdcA1vA3F5tmgLK3Hbc9tFWMj+FxvULNx/VNhU/ICWUy+ZaV7vfi5otV0FymjfWmDYG3PGxVrTQAsoI5yfjOHU+jGAsjfFoEm3Lq1HpdZBSHVDpy5YZbCY9KQlfOBxGIp6EEkton8leWpi5Xdo6gQnUCMmBEW1MMANTFHDLO9fg+isW6bommkzjkaNDeODZARw4M5G3TMXm9fA1L0MVmZO3eDJ4izeFGp2t+sVgDFt+9XTef3PSws27qhEe+pEd+mZqEZqmTu7sRqEUrIAPty/FV9/cLFw+GEvib/vOaj+RZGbWcr51q1DRcdmMz1hH2OhKY2tZEvU28Wo/cnQQN/3zyOwFWC9b2wTf2lWwucWdwxO7DyN65HkUgs2zsPEWGIT5cH59YwtkScxuH+4P4qN37sOe02NIZWcfJG0+D6rftom5a2d8zkTen7Xhv3EHLnFkhZXQVOvH48eGME4mLi9Ul9TgKGLH+6hXVAubJteiOsROnoGaSsMoBQ3CbIVrk8WE/+CRAWz9YyfCiQy3bFnb6yHNcd8IrXpvDnqxIyY2GDI9fvrqJm45JZnC6P07EXv+LESQZBn+9ZeiEAwrYBHN97dctlCo7EPPDuLme59FVuW3WFuZD97XLeWWY/3n5weGcW48xik55di79tJ6mh4LzNCojsHH9yN26gxE8FFdbQYHc4ZhBXx2c5OQ6TncP4FvkdNMlLLW1ReZnnwkh8YQfKITN96+B8l0rjlTL3idupedWqtIL3iZ4JNd9IxRbrlCe4EhBbjJz/PWtfzWz1zGX7v7ILlRxGy1ZLfBu7KRW05JZzD+6B56oyJMA/mX/3YAmrAvlPvUHWdc93aqs8MmuM6ge48/uhdqNsst6qNZFGRjbdnQVRtWVAvZ/j883YPRiHggxbm4fk7b/zLhgyem5/WMvb1jeODw4CvynqUHsVgEW2OIwp4ROniSW05isYjFdTCCIQV0NPG/xCAtru7a3Qs9uJfUc8tkwjFEyEOZy3d2HMVwOMG9vmNlDfQQOXCCImdxbjnXYn7d82FIAVdfwtf29q5+pLP6lhiepQ3cMtFjPXmjVuxZ7Jk8RBrPDFhs4LkebjGRxpMP3Qrwu+za/J/HU6dGoAtaiYrMJhJnBlDIM5fV+GlA1udvip8d4JZxVAZImvr9WLoVUOt3csswU/DCsL6Qnt3LVyozBRnyzc/GySHyJwkE7xeU63MYZkYnkY3zYwEsCUAvuhVQU8av/LGBEPQi+/gu7NRIkFvm6MAkt0yNX38uWmqYfxaHyHe46BropDbAr3xQbwoJMJ02MheKQCsUeXZtmX6XuUg0TOQ75KI7WCvSesYNKED28luPiBmYEHh2XUB/DxBRvs2rvwfoVoCANwEOA4ORCCJrBJF4jqjzUDcGvrduBbCACY9qv5EWxp/Dyx5+F68p4z97LKo/uC5kImP89UIu+hUgsLKtEpgp5XLhynY2ZIGZUrVPQAERAybSwzcvImYqF90KEMnRbF4QgF5E7LuzpoJbZvVC/rNHI3xlX/Ts2kpumUxM/311z4JEum+lz4k1i/QpQcQE2TwUy62bXRDrlpRrcWQeY2F9PcBRXwXZxb+vEi2GAqj7ivhcNq3U55xSKFQp5HNpnN1dcaXAM0fCSUzE9UWw3I18Fwmru5o0YNpggJ0n+Uv+G96wCE6duaDxPv6S309BeuS5L3vWu1v4iQGPHz8PXdB9fauXc4vFe1+EEQwqYJhbhvmLbtzA9+1fSOIM/7BB5i/yU/A8F5aDWiUwAO88wa/7hfgvex2ZPv7gn+gVPihxBoYUsK9n7OL8/Dx88soVmvNOlOS581qwhUfZFc2QLkj4Dbjt2LppBfc6loWxv28Mokhk99mzeCgUlE8O6OxZL2FIASzCde+Bc9xybED8/nvWiee60X1ZWjgPNiBWXbdh6j3d/EfvuxwegQxsVmdF1ENO961600ahfCGtzgaTewzHhG/feRrJDL8XbFpVi5u3rIYoke7jUAXu66bYQcVVb9CSwliEjkc8lcEdT52GKCwpzC0QZGE9NnzA+FEbhhUwSTOJv+4Vyxx4T8sSfO9da2ETcAGw1JDwkVMQwbd6BU4sb4JI3OcvVNeQQEoMC2dWXtcG3yXLIEKE6qomS5QX9MdnerWWJcLb1i3EnZ9o1ZJ4eUQOnRQaCxg7Ew58I+hFZI5k6HAijT/v7gMPlnRbc/3VWrqiCAoJPnJYrLHMRkGZcSy7jQXnWwUD3QvKp3KJJmJpLRl3Vui+kjyVeSbCqCLj8YQTAVnBcody0ZjDzOW+3tn9+awDeVkO6ps74KwSX0CGyFymXtQ3q8qlIAUwus8ENRssuifAR7Oia5rrcW1znTaYB2MpRJMX23yWKsgUYC8TizKxPWJ7kw7sSVBokzRQIavwkhI7adbz3R3H8l7DUiDdTYtRSfbeT+ZM1rGVKjEw/OpIzmWwqeafPrFhli2nfHpHozg3HiVPa1pzdbDzEyrIneHxOnF3+RIMwlg+PqkY5/pHkWZ7gslTyZKoZHJnsPR0e7kfjooyGCE9NoGR+5+EKmh+58K0/QFsX9hfPrMRdWWFbtCYyVhWwlfGvRhXXh2b+pnLYXj7Y4Y8n/kw7VuNRJLYdlcXBib0+8Tngu12ubUyjjpbaXe0MzLhKEbYZj2ThM8wtVn1jUXxwdt2a2noZrLYruBXVVE0O/jrg/mC7YoZvucx0zdwFzwI55LKKNhxaEDzBTU36I8LzIaTBtbr3GmMZmX0ZIp7wmb0RN9ULmrW/F5ougIYbFB5khx2LD3l0oYyVHj1R8jywdwOG90ZrKQe8UJGRlid33EhFQxpGdjRAuf6czHvRxWwdcIHWpdg29UrEfCYt7swQ2rePmHD36MuZOzm7sTPJpIIdx1H5NhpSMq8iqd4h3UEPHZ8bvMqvHf9Yi1XvxDYySn3dPbjd0+8gCgtuwKtr9fcElKB92VnRESe60Fo/1GaaxY+xRShaAp4GaYIdh5Q67JqtNECbnmN2MbnntEI9pMbvLMvqL3mbvBjrmPXolq4FtZpmcqic3xmZlLnhrVBNsFWtQXs9zJC0RWQS+6BTbX0XqX/RkNJnKfQJwuBng8lyPOqcwDMPbCJHTOgqtMHNbGp5KvhwKaSK+D/HevMuBJjKaDEyNrfRrQoCUz2siRJQ7AoCUz25DVXLQWUCCZ7toS0FFA6hmQyRIdgURpI9jKtJ++DRUlgspfD3XtO0Hv+dnALsznJZD+1DlDVh2FRVGgKqlkeTQFKVvkFvehPbrcwSiKt2H7K3mgKmDi0t4808ktYFAUm68jBp7Uc/2lXhGTP3mqtiouBGgpGpO+9/Nu0Asb37QtBUj8Hi/lFkT6Nk7um0wJnRLcTA+eOuhuWeGiJvAkWpkMW5ofBA7tnmPp86cpS5fqOJyVIV8HCNCjo8lCwa9fbkbOTIJ87Wk1nbe+l4JHY0YEWXEji/ZIt80Hk2caRNx7ARuggEitJCb+HRUEoqnpHUE00aWNsHrg7JirXt28jPf3W+nvD+qCmniWZbRvv2nXnXOW4QqWBuduxsPEfkqqyrNs1NEBbipgDGmjTkoS7MpA+NNm16z+88rqO96hat2Gx6rTfRBdthfX352eishQl5XaklJ+NH9nH38H4EobPbam6oqMdNun9FFRok1RUUniHnSHADnN4rSuGuWwmqKlPqBLGSYS7slC2h7r27IcB/gcAAP//cWxXEwAAAAZJREFUAwAla1nXFsKxyQAAAABJRU5ErkJggg==';

  if (window.origin === 'null') return; // a sandboxed frame is nobody: no grant could be kept for it

  /** EIP-1193's error: `code`, and `data` where the client or its node gave one. */
  class ProviderRpcError extends Error {
    constructor({ code, message, data }) {
      super(message);
      this.name = 'ProviderRpcError';
      this.code = code;
      if (data !== undefined) this.data = data;
    }
  }

  /** Listeners by event name. One that throws disturbs neither the others nor us. */
  function makeEmitter() {
    const listeners = new Map();
    const of = (name) => listeners.get(name) ?? [];
    return {
      add: (name, listener) => listeners.set(name, [...of(name), listener]),
      remove(name, listener) {
        const at = of(name).findLastIndex((one) => one === listener || one.once === listener);
        if (at >= 0) listeners.set(name, of(name).toSpliced(at, 1));
      },
      clear: (name) => (name === undefined ? listeners.clear() : listeners.delete(name)),
      count: (name) => of(name).length,
      emit(name, ...values) {
        for (const listener of of(name)) {
          try {
            listener(...values);
          } catch (error) {
            setTimeout(() => {
              throw error; // seen in the page's console, as its own mistake
            });
          }
        }
        return of(name).length > 0;
      },
    };
  }

  /** What is under way between this page and the client. `onEvent(name, data)` gets the client's events as they are. */
  function makeLink(onEvent) {
    const pending = new Map();
    const state = { up: false, touched: false, chainId: null, networkVersion: null, accounts: [] };
    let last = 0;

    const say = (message) => window.dispatchEvent(new CustomEvent(ASK, { detail: JSON.stringify(message) }));

    function learn(name, data) {
      if (name === 'accountsChanged') state.accounts = data;
      if (name === 'chainChanged') state.chainId = data;
      if (name === 'networkChanged') state.networkVersion = data;
      onEvent(name, data);
    }

    function up({ chainId, networkVersion, accounts }) {
      const before = { ...state };
      Object.assign(state, { up: true, chainId, networkVersion, accounts });
      if (before.chainId === null) return; // the first time nothing has changed
      if (before.chainId !== chainId) learn('chainChanged', chainId);
      if (before.networkVersion !== networkVersion) learn('networkChanged', networkVersion);
      if (before.accounts.join() !== accounts.join()) learn('accountsChanged', accounts);
    }

    function down(error) {
      for (const { reject } of pending.values()) reject(new ProviderRpcError(error));
      pending.clear();
      if (state.up) {
        state.up = false;
        onEvent('disconnect', new ProviderRpcError(error));
      }
    }

    function settle(message) {
      pending.get(message.id)?.resolve(message);
      pending.delete(message.id);
    }

    window.addEventListener(TELL, (event) => {
      const told = JSON.parse(event.detail);
      if (told.type === 'rpc') settle(told.message);
      else if (told.type === 'event') learn(told.name, told.data);
      else if (told.type === 'up') up(told);
      else if (told.type === 'down') down(told.error);
    });

    return {
      state,
      /** The page shows interest in wallets: from now on it hears events. */
      touch() {
        if (state.touched) return;
        state.touched = true;
        say({ type: 'touch' });
      },
      /** Sends `{method, params}`; its JSON-RPC response. Rejects where no response can come. */
      send(request) {
        const id = ++last;
        state.touched = true;
        return new Promise((resolve, reject) => {
          pending.set(id, { resolve, reject });
          try {
            say({ type: 'rpc', message: { jsonrpc: '2.0', id, ...request } });
          } catch (error) {
            pending.delete(id); // a bigint or a circle among the parameters
            reject(new ProviderRpcError({ code: INVALID_PARAMS, message: String(error?.message ?? error) }));
          }
        });
      },
    };
  }

  function checked(request) {
    const fail = (message) => {
      throw new ProviderRpcError({ code: INVALID_REQUEST, message });
    };
    if (request === null || typeof request !== 'object' || Array.isArray(request)) fail('a request is an object');
    const { method, params } = request;
    if (typeof method !== 'string' || method === '') fail('"method" is a string that is not empty');
    if (typeof (params ?? []) !== 'object') fail('"params" is an array or an object');
    return params == null ? { method } : { method, params };
  }

  function makeProvider() {
    const emitter = makeEmitter();
    const link = makeLink((name, data) => emitter.emit(name, data));

    async function request(asked) {
      const response = await link.send(checked(asked));
      if (response.error) throw new ProviderRpcError(response.error);
      return response.result;
    }

    /** A JSON-RPC payload's response, under the payload's own id. Never throws. */
    async function respond(payload) {
      const own = { id: payload?.id ?? null, jsonrpc: '2.0' };
      try {
        const { error, result } = await link.send(checked(payload));
        return error ? { ...own, error } : { ...own, result };
      } catch ({ code, message, data }) {
        return { ...own, error: { code, message, data } };
      }
    }

    /** The form before EIP-1193. A batch's errors stand in its responses; a single one is the callback's too. */
    async function sendAsync(payload, callback) {
      if (Array.isArray(payload)) return callback(null, await Promise.all(payload.map(respond)));
      const response = await respond(payload);
      return callback(response.error ? new ProviderRpcError(response.error) : null, response);
    }

    /** `send(method, params)`, `send(payload, callback)`, or `send(payload)`, which cannot wait and knows little. */
    function send(first, second) {
      if (typeof first === 'string') {
        return request({ method: first, params: second }).then((result) => ({ id: null, jsonrpc: '2.0', result }));
      }
      if (typeof second === 'function') return sendAsync(first, second);
      const { accounts, networkVersion } = link.state;
      const known = { eth_accounts: accounts, eth_coinbase: accounts[0] ?? null, net_version: networkVersion };
      if (!Object.hasOwn(known, first?.method)) {
        throw new ProviderRpcError({ code: INVALID_REQUEST, message: 'send without a callback: use request()' });
      }
      return { id: first.id ?? null, jsonrpc: '2.0', result: known[first.method] };
    }

    function on(name, listener) {
      link.touch();
      emitter.add(name, listener);
      return provider;
    }

    function once(name, listener) {
      const first = (...values) => {
        emitter.remove(name, first);
        listener(...values);
      };
      first.once = listener;
      return on(name, first);
    }

    function removeListener(name, listener) {
      emitter.remove(name, listener);
      return provider;
    }

    function removeAllListeners(name) {
      emitter.clear(name);
      return provider;
    }

    function isConnected() {
      link.touch();
      return link.state.up;
    }

    // Closures, not methods: pages take them off the object, and wrap the object in proxies.
    const provider = {
      isTandem: true,
      request,
      send,
      sendAsync,
      enable: () => request({ method: 'eth_requestAccounts' }),
      isConnected,
      on,
      addListener: on,
      once,
      off: removeListener,
      removeListener,
      removeAllListeners,
      emit: emitter.emit,
      listenerCount: emitter.count,
      get chainId() {
        return link.state.chainId;
      },
      get networkVersion() {
        return link.state.networkVersion;
      },
      get selectedAddress() {
        return link.state.accounts[0] ?? null;
      },
    };
    return { provider, touch: link.touch };
  }

  /** A version 4 UUID; `crypto.randomUUID` is missing on pages without TLS. */
  function uuid4() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  const { provider, touch } = makeProvider();
  const info = Object.freeze({ uuid: uuid4(), name: NAME, icon: ICON, rdns: RDNS });
  const detail = Object.freeze({ info, provider });
  const announce = () => window.dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail }));

  window.addEventListener('eip6963:requestProvider', () => {
    touch();
    announce();
  });
  announce();

  // appear.js is there only on sites where the person chose it; the browser may run it before or after this script.
  window.addEventListener('tandem:appear', () => {
    if (provider.isMetaMask) return;
    provider.isMetaMask = true;
    provider._metamask = { isUnlocked: async () => provider.isConnected() };
    Object.defineProperty(window, 'ethereum', { value: provider, configurable: true, enumerable: true, writable: true });
    window.dispatchEvent(new Event('ethereum#initialized'));
  });
  window.dispatchEvent(new Event('tandem:provider'));
})();
