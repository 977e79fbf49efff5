/**
 * The D1 bridge: Cloudflare's REST `/raw` over the Worker's own binding, where a batch is one transaction.
 *
 * @typedef {{sql: string, params?: unknown[]}} Statement
 */

import { carriesBearer } from "./bearer.js";
import { answer, refuse, Refusal } from "./envelope.js";

export const RAW_PATH = "/d1/raw";

/** A 5 MB state is 6.7 MB as base64; a Worker has 128 MB to hold body, statements and D1's copy of both. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/**
 * Serves the bridge to whoever carries `D1_BRIDGE_TOKEN`. Never throws: every refusal is an answer.
 *
 * @param {Request} request
 * @param {{DB: D1Database, D1_BRIDGE_TOKEN?: string}} env
 */
export async function serveBridge(request, env) {
  if (await carriesBearer(request, env.D1_BRIDGE_TOKEN)) return runRaw(request, env.DB);
  return refuse(new Refusal(401, 10000, "Authentication error", { "WWW-Authenticate": "Bearer" }));
}

/**
 * Runs one request's statements in one transaction; for callers who are already trusted.
 *
 * @param {Request} request
 * @param {D1Database} database
 */
export async function runRaw(request, database) {
  try {
    requireRoute(request);
    const statements = readStatements(await readText(request));
    return answer(await runBatch(database, statements));
  } catch (error) {
    if (error instanceof Refusal) return refuse(error);
    throw error;
  }
}

/** @param {Request} request */
function requireRoute(request) {
  if (new URL(request.url).pathname !== RAW_PATH) throw new Refusal(404, 7000, "No route for that URI");
  if (request.method !== "POST") throw new Refusal(405, 10405, "Method not allowed", { Allow: "POST" });
}

/**
 * Reads the body as UTF-8 text and keeps no more of it than the bound, whatever length was declared.
 *
 * @param {Request} request
 */
async function readText(request) {
  requireBounded(Number(request.headers.get("content-length")));
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  let bytes = 0;
  let text = "";
  // Read to its end even past the bound: left unread, it would cost the caller the connection.
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes <= MAX_BODY_BYTES) text += decodeOrRefuse(() => decoder.decode(chunk, { stream: true }));
  }
  requireBounded(bytes);
  return text + decodeOrRefuse(() => decoder.decode());
}

/** @param {number} bytes */
function requireBounded(bytes) {
  if (bytes > MAX_BODY_BYTES) throw new Refusal(413, 413, `The body is over ${MAX_BODY_BYTES} bytes`);
}

/**
 * @param {string} text
 * @returns {Statement[]}
 */
function readStatements(text) {
  const body = decodeOrRefuse(() => JSON.parse(text));
  const statements = body?.batch === undefined ? [body] : body.batch;
  if (Array.isArray(statements) && statements.length > 0 && statements.every(isStatement)) return statements;
  throw malformed("expected {sql, params} or {batch: [{sql, params}, …]}");
}

/** @param {any} value */
function isStatement(value) {
  return (
    typeof value?.sql === "string" &&
    value.sql.trim() !== "" &&
    (value.params === undefined || value.params === null || Array.isArray(value.params))
  );
}

/**
 * @param {D1Database} database
 * @param {Statement[]} statements
 */
async function runBatch(database, statements) {
  try {
    const prepared = statements.map(({ sql, params }) => database.prepare(sql).bind(...(params ?? [])));
    /** @type {D1Result<Record<string, unknown>>[]} */
    const results = await database.batch(prepared);
    return results.map(({ results: rows, meta }) => ({ success: true, results: toTable(rows), meta }));
  } catch (error) {
    throw new Refusal(400, 7500, ownWords(error));
  }
}

/**
 * The binding gives objects where `/raw` gives arrays: no rows leave no column names, and columns of one name are one.
 *
 * @param {Record<string, unknown>[]} rows
 */
function toTable(rows) {
  return { columns: Object.keys(rows[0] ?? {}), rows: rows.map(Object.values) };
}

/**
 * D1's sentence as its REST API gives it: the binding puts `D1_ERROR: ` before it and keeps it whole as the cause.
 *
 * @param {any} error
 * @returns {string}
 */
function ownWords(error) {
  return error.cause?.message ?? error.message;
}

/**
 * @template T
 * @param {() => T} decode
 */
function decodeOrRefuse(decode) {
  try {
    return decode();
  } catch {
    throw malformed("the body is not JSON in UTF-8");
  }
}

/** @param {string} reason */
function malformed(reason) {
  return new Refusal(400, 7400, `The request is malformed: ${reason}`);
}
