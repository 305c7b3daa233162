import { describe, expect, it } from "vitest";
import { hrefOf, parseRoute, type Route } from "./router";

describe("a route", () => {
  it("is the list of streams where nothing is said", () => {
    for (const hash of ["", "#", "#/", "#/streams"]) expect(parseRoute(hash)).toEqual({ page: "streams" });
  });

  it("comes back as it was", () => {
    const routes: Exclude<Route, { page: "unknown" }>[] = [
      { page: "streams" }, { page: "stream", id: "str_a" }, { page: "cameras" }, { page: "keys" }, { page: "webhooks" },
      { page: "webhook", id: "a/b %" },
    ];
    for (const route of routes) expect(parseRoute(hrefOf(route))).toEqual(route);
  });

  it("is unknown where nothing is there", () => {
    for (const hash of ["#/nothing", "#/keys/x", "#/cameras/x", "#/streams/a/b", "#/streams/%zz"]) {
      expect(parseRoute(hash)).toEqual({ page: "unknown" });
    }
  });
});
