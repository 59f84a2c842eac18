// Where the page is: every view has an address in the fragment, `#/VIEW?of=SOURCE&platform=…`, to come back to and to send to others.
//
// `of` is what is looked at, in the words of the command line: `registry:REF`, `store:NAME`, `file:NAME`, `folder:NAME`. The rest belongs to the
// views. Nothing else is in the address, and no secret ever is.

/** The views in the order of the navigation, with their titles. */
export const VIEWS = {
  overview: 'Overview',
  layers: 'Layers',
  files: 'Files',
  documents: 'Documents',
  compare: 'Compare',
  verify: 'Verify',
  attestations: 'Attestations',
  export: 'Export',
};

/** The route of a fragment; what is no view is the start. */
export function parse(fragment) {
  const [path, query = ''] = fragment.replace(/^#?\/?/u, '').split(/\?(.*)/su);
  const route = Object.fromEntries(new URLSearchParams(query));
  const known = Object.hasOwn(VIEWS, path) && route.of;
  return known ? { ...route, view: path } : { view: 'start' };
}

/** The fragment of a route. What is empty is left out. */
export function address({ view, ...rest }) {
  if (view === 'start') return '#/';
  const words = Object.entries(rest).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const query = words.map(([key, value]) => `${key}=${encodeURIComponent(value).replace(/%(2F|3A|40|2C)/gu, decodeURIComponent)}`);
  return `#/${view}?${query.join('&')}`;
}

/** The same image in another view, or the same view of it otherwise. */
export function within(route, changes) {
  const { of, name, platform } = route;
  return address({ of, name, platform, ...changes });
}

/** Goes there; `replace` leaves no trace in the history. */
export function go(fragment, { replace = false } = {}) {
  if (fragment === location.hash) return;
  if (replace) {
    history.replaceState(null, '', fragment);
    window.dispatchEvent(new HashChangeEvent('hashchange'));
  } else {
    location.hash = fragment;
  }
}
