/**
 * Cloudflare's REST envelope, so that one client reads the bridge and the REST API alike.
 *
 * @typedef {object} Meta D1's own figures of one statement, passed on as they are.
 * @typedef {{columns: string[], rows: unknown[][]}} Table
 * @typedef {{success: boolean, results: Table, meta: Meta}} StatementResult
 */

/** A request the bridge does not serve; its status, code and sentence become the answer. */
export class Refusal extends Error {
  /**
   * @param {number} status HTTP status
   * @param {number} code Cloudflare's error code where there is one, else the status again
   * @param {string} message one sentence, never holding a secret
   * @param {Record<string, string>} [headers]
   */
  constructor(status, code, message, headers = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** @param {StatementResult[]} result one entry a statement, in their order */
export function answer(result) {
  return Response.json({ success: true, errors: [], messages: [], result });
}

/** @param {Refusal} refusal */
export function refuse({ status, code, message, headers }) {
  return Response.json({ success: false, errors: [{ code, message }], messages: [], result: [] }, { status, headers });
}
