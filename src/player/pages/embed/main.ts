/** `/embed/<playbackId>`: the player alone, filling the frame. Options come by query: `?autoplay=1&muted=1&max-layer=3`. */
import "../../web";
import "./embed.css";
import { applyOptions, playbackIdFrom } from "./options";

const player = document.createElement("stream-player");
applyOptions(player, new URLSearchParams(location.search));
player.playbackId = playbackIdFrom(location.pathname, "embed");
document.body.append(player);
