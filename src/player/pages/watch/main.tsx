/** @jsxImportSource preact */
/** `/v/<playbackId>`: the page of a stream. Options for the player come by query, as in `/embed`; it plays by itself. */
import { render } from "preact";
import { playbackIdFrom } from "../embed/options";
import { WatchPage } from "./page";

const root = document.getElementById("page");
const playbackId = playbackIdFrom(location.pathname, "v");
if (root) render(<WatchPage playbackId={playbackId} origin={location.origin} query={location.search} />, root);
