/**
 * Tells whether the request carries `secret` as its bearer token; without a secret no request does.
 *
 * Both sides are hashed first, so that the comparison takes the same time whatever their bytes and lengths.
 *
 * @param {Request} request
 * @param {string | undefined} secret
 */
export async function carriesBearer(request, secret) {
  if (!secret) return false;
  const presented = /^Bearer (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
  return crypto.subtle.timingSafeEqual(await sha256(presented), await sha256(secret));
}

/** @param {string} text */
function sha256(text) {
  return crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
}
