/**
 * The service behind the edge: a container of this Worker, or, when `SERVICE_URL` is set, a server of its own elsewhere.
 */

import { Container, getContainer } from "@cloudflare/containers";

import { runRaw } from "./bridge.js";

const PORT = 8000;

/** Where the container's requests to this name end up: in the Worker's own binding, with no token to hold. */
const D1_HOST = "d1.internal";

/** Every host the service may reach; the platform refuses all others. */
export const ALLOWED_HOSTS = [D1_HOST, "api.deepseek.com", "api.resend.com", "api.smith.langchain.com"];

/** The platform signs intercepted HTTPS with this authority. All HTTPS is intercepted, so it is the only one to trust. */
const AUTHORITY = "/etc/cloudflare/certs/cloudflare-containers-ca.crt";

/** Variables and secrets of the Worker that the service reads from its environment. */
const PASSED_ON = [
  "APPROVAL_MAX_AGE_DAYS",
  "CAMPAIGN_COACH_ENABLED",
  "CHECKPOINT_KEY",
  "CRON_SECRET",
  "CRON_SECRET_PREVIOUS",
  "DEEPSEEK_API_KEY",
  "DEEPSEEK_MODEL_DEEP",
  "DEEPSEEK_MODEL_STANDARD",
  "DRAFT_MAX_WAIT_DAYS",
  "LANGSMITH_API_KEY",
  "LANGSMITH_TRACING",
  "LLM_KILL_SWITCH",
  "LOG_LEVEL",
  "MAILBOX_CAP_AN_HOUR",
  "MAILBOX_CAP_A_DAY",
  "MAIL_SENT_URL",
  "MAIL_URL",
  "MIN_GAP_HOURS",
  "MODEL_PRICES",
  "ORCHESTRATOR_ROLE_PLAN",
  "PUBLIC_URL",
  "RECIPIENT_DOMAIN_CAP_A_DAY",
  "RELEASE_COMMIT",
  "RESEND_API_KEY",
  "SEND_DAYS",
  "SEND_HOURS",
  "SWEEP_WIDTH",
  "TICK_MAX_AGE_MINUTES",
  "UNSUBSCRIBE_SECRET",
  "UNSUBSCRIBE_SECRET_PREVIOUS",
];

/** The container that runs FastAPI, stateless: its state is in D1, leases keep several of it apart. */
export class Service extends Container {
  defaultPort = PORT;
  sleepAfter = "15m";
  enableInternet = false;
  interceptHttps = true;
  allowedHosts = ALLOWED_HOSTS;
  pingEndpoint = "service/healthz";
  envVars = {
    ...Object.fromEntries(PASSED_ON.filter((name) => this.env[name]).map((name) => [name, this.env[name]])),
    D1_URL: `http://${D1_HOST}`,
    PORT: String(PORT),
    REQUESTS_CA_BUNDLE: AUTHORITY,
    SSL_CERT_FILE: AUTHORITY,
  };
}

// Assigned, not declared inside the class: a static field would shadow the setter that registers the handler.
Service.outboundByHost = {
  [D1_HOST]: (/** @type {Request} */ request, /** @type {any} */ env) => runRaw(request, env.DB),
};

/**
 * The running container, or null when the service is elsewhere.
 *
 * @param {import("./worker.js").Env} env
 */
export function containerOf(env) {
  return env.SERVICE_URL || !env.SERVICE ? null : getContainer(env.SERVICE);
}

/**
 * A request from outside as the container may have it: `cf-container-target-port` would choose the port that answers.
 *
 * @param {Request} request
 */
export function withoutContainerHeaders(request) {
  const headers = new Headers(request.headers);
  for (const name of [...headers.keys()].filter((name) => name.startsWith("cf-container-"))) headers.delete(name);
  return new Request(request, { headers });
}

/**
 * Makes one request of the Worker's own to the service.
 *
 * @param {import("./worker.js").Env} env
 * @param {string} path
 * @param {RequestInit} init
 * @returns {Promise<Response>}
 * @throws {Error} the service cannot be reached, or there is neither an address nor a container
 */
export async function callService(env, path, init) {
  const container = containerOf(env);
  if (container) return container.fetch(`http://service${path}`, init);
  if (env.SERVICE_URL) return fetch(env.SERVICE_URL.replace(/\/+$/, "") + path, init);
  throw new Error("there is no service: SERVICE_URL is not set and no container is bound");
}
