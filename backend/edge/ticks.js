/**
 * Cron ticks: one row a firing, forwarded to the service until it has accepted the firing once.
 *
 * Cloudflare may repeat a firing and may lose one. The row makes a repeat harmless after the service accepted, and lets it
 * deliver what failed before. Between the acceptance and its record a crash forwards once more: the service is idempotent.
 */

import { callService } from "./service.js";

/** How long an accepted or abandoned firing is remembered. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1000;

/** Longer than a container takes to start; a tick that waits longer has failed. */
const DEADLINE_MS = 60 * 1000;

const FORGET_OLD = "DELETE FROM ticks WHERE cron = ?1 AND scheduled_at < ?2";

/** No row comes back when the firing was accepted before. */
const RECORD_ATTEMPT = `
  INSERT INTO ticks (cron, scheduled_at, attempts) VALUES (?1, ?2, 1)
  ON CONFLICT (cron, scheduled_at) DO UPDATE SET attempts = attempts + 1 WHERE accepted_at IS NULL
  RETURNING attempts`;

const RECORD_ACCEPTANCE = "UPDATE ticks SET accepted_at = ?3, error = '' WHERE cron = ?1 AND scheduled_at = ?2";

const RECORD_FAILURE = "UPDATE ticks SET error = ?3 WHERE cron = ?1 AND scheduled_at = ?2 AND accepted_at IS NULL";

/**
 * Records a firing and forwards it, unless the service accepted the same firing before.
 *
 * @param {ScheduledController} firing
 * @param {import("./worker.js").Env} env
 * @throws {Error} the firing names no cron (nothing was recorded), or the service did not accept it (a repeat will try again)
 */
export async function tick(firing, env) {
  if (!firing.cron) throw new Error("a firing without a cron expression is refused");
  const key = [firing.cron, new Date(firing.scheduledTime).toISOString()];
  if (!(await attempt(env.DB, key, firing.scheduledTime))) return;
  try {
    await forward(env);
  } catch (error) {
    await env.DB.prepare(RECORD_FAILURE).bind(...key, /** @type {Error} */ (error).message).run();
    throw error;
  }
  await env.DB.prepare(RECORD_ACCEPTANCE).bind(...key, new Date().toISOString()).run();
}

/**
 * Records that the firing is being forwarded, and forgets old ones; false when the service accepted it before.
 *
 * @param {D1Database} database
 * @param {string[]} key cron and scheduled time
 * @param {number} scheduledTime
 */
async function attempt(database, key, scheduledTime) {
  const horizon = new Date(scheduledTime - KEPT_MS).toISOString();
  const [, recorded] = await database.batch([
    database.prepare(FORGET_OLD).bind(key[0], horizon),
    database.prepare(RECORD_ATTEMPT).bind(...key),
  ]);
  return recorded.results.length > 0;
}

/** @param {import("./worker.js").Env} env */
async function forward(env) {
  if (!env.CRON_SECRET) throw new Error("CRON_SECRET is not set, so no tick can be forwarded");
  const response = await callService(env, "/cron/resume", {
    method: "POST",
    headers: { Authorization: `Bearer ${env.CRON_SECRET}` },
    redirect: "manual",
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`the service answered ${response.status} to /cron/resume`);
}
