/** The dashboard's own addresses: what stands behind the `#`. */

/** A page of the dashboard. */
export type Route =
  | { page: "streams" }
  | { page: "stream"; id: string }
  | { page: "cameras" }
  | { page: "keys" }
  | { page: "webhooks" }
  | { page: "webhook"; id: string }
  | { page: "unknown" };

/** Pages that need nothing more to be named. */
const PLACES = ["streams", "cameras", "keys", "webhooks"] as const;

function isPlace(page: string): page is (typeof PLACES)[number] {
  return (PLACES as readonly string[]).includes(page);
}

/** The route that a hash names; none at all is the list of streams. */
export function parseRoute(hash: string): Route {
  const parts = hash.replace(/^#?\/?/, "").split("/").filter((part) => part !== "");
  const [page = "streams", id, ...more] = parts;
  if (more.length > 0) return { page: "unknown" };
  if (id === undefined) return isPlace(page) ? { page } : { page: "unknown" };
  const decoded = decode(id);
  if (decoded === null) return { page: "unknown" };
  if (page === "streams") return { page: "stream", id: decoded };
  if (page === "webhooks") return { page: "webhook", id: decoded };
  return { page: "unknown" };
}

/** The hash that names a route, for `href`. */
export function hrefOf(route: Exclude<Route, { page: "unknown" }>): string {
  switch (route.page) {
    case "stream":
      return `#/streams/${encodeURIComponent(route.id)}`;
    case "webhook":
      return `#/webhooks/${encodeURIComponent(route.id)}`;
    default:
      return `#/${route.page}`;
  }
}

/** Goes to a page. */
export function go(route: Exclude<Route, { page: "unknown" }>): void {
  location.hash = hrefOf(route);
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
