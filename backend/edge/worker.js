/**
 * The Worker at the edge. It bridges D1 to the service, wakes the service by cron, and is the front door of its container.
 *
 * @typedef {object} Env
 * @property {D1Database} DB the campaigns' database
 * @property {DurableObjectNamespace<import("./service.js").Service>} [SERVICE] the service's container, in the deployment that has one
 * @property {string} [SERVICE_URL] the service's address, in the deployment that has no container
 * @property {string} [D1_BRIDGE_TOKEN] secret; without it the bridge refuses everything
 * @property {string} [CRON_SECRET] secret; what the service expects of a tick
 */

import { RAW_PATH, serveBridge } from "./bridge.js";
import { containerOf, withoutContainerHeaders } from "./service.js";
import { tick } from "./ticks.js";

export { ContainerProxy } from "@cloudflare/containers";
export { Service } from "./service.js";

export default {
  /**
   * @param {Request} request
   * @param {Env} env
   */
  async fetch(request, env) {
    const container = new URL(request.url).pathname === RAW_PATH ? null : containerOf(env);
    return container ? container.fetch(withoutContainerHeaders(request)) : serveBridge(request, env);
  },

  /**
   * @param {ScheduledController} firing
   * @param {Env} env
   */
  async scheduled(firing, env) {
    await tick(firing, env);
  },
};
