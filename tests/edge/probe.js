/**
 * The Worker without a bridge token and beside a container that is a stand-in, since a real one needs a Docker engine.
 *
 * A request with `x-from-container-to` is made as the container would make it, through the platform's proxy and our rules.
 */

import { ALLOWED_HOSTS } from "../../backend/edge/service.js";
import worker, { ContainerProxy, Service } from "../../backend/edge/worker.js";

export { ContainerProxy, Service };

/** Accepts a tick that carries the secret, and answers anything else with what it was asked. */
function standInContainer({ CRON_SECRET }) {
  const answer = async (request) => {
    const { method, url } = request;
    const isTick = `${method} ${new URL(url).pathname}` === "POST /cron/resume";
    if (isTick && request.headers.get("authorization") === `Bearer ${CRON_SECRET}`) return new Response(null, { status: 202 });
    const headers = Object.fromEntries(request.headers);
    return Response.json({ method, url, headers, body: await request.text() }, { status: 418 });
  };
  return {
    idFromName: (name) => name,
    get: () => ({ fetch: (input, init) => answer(new Request(input, init)) }),
  };
}

/** The body is read first: the local runtime breaks the connection of a request whose body a proxy leaves unread. */
async function fromContainer(request, destination, ctx) {
  const props = { className: Service.name, containerId: "probe", enableInternet: false, allowedHosts: ALLOWED_HOSTS, interceptAll: true };
  const body = await request.text();
  return ctx.exports.ContainerProxy({ props }).fetch(destination, { method: request.method, headers: request.headers, body });
}

export default {
  async fetch(request, env, ctx) {
    const destination = request.headers.get("x-from-container-to");
    if (destination) return fromContainer(request, destination, ctx);
    return worker.fetch(request, { ...env, SERVICE: standInContainer(env) });
  },

  async scheduled(firing, env) {
    await worker.scheduled(firing, { ...env, SERVICE: standInContainer(env) });
  },
};
