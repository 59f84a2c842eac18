// Failures. Between threads and to the core they are records as in wit/types.wit: `{ code, detail?, fault, message, causes }`; callers get
// them as exceptions.

/** A failure, ready to be shown: its message is one line with all causes. */
export class OcixError extends Error {
  constructor({ code, detail, fault, message, causes = [] }) {
    super([message, ...causes].join(': '));
    this.name = 'OcixError';
    // Of all that the core does not tell apart, callers want to know this one: `ocix serve` helps.
    const cors = code === 'other' && detail === 'cors';
    this.code = cors ? 'cors' : code;
    if (detail !== undefined && !cors) this.detail = detail;
    this.fault = fault;
    this.causes = causes;
  }
}

/** A record; `more` has `detail` and `causes`. */
export function failure(fault, code, message, more = {}) {
  return { causes: [], ...more, code, fault, message };
}

/** What was thrown, as a record. What is none is a bug of this package, or of a function that the caller gave. */
export function recordOf(thrown) {
  if (typeof thrown?.code === 'string' && typeof thrown.fault === 'string') {
    const { code, detail, fault, message, causes = [] } = thrown;
    return { code, detail, fault, message, causes };
  }
  return failure('host', 'other', `${thrown?.message ?? thrown}`, { detail: 'host' });
}

/** The user has stopped it; in the core's words. */
export function cancelled() {
  return failure('request', 'cancelled', 'stopped; nothing was changed');
}
