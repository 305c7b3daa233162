"""An IP camera for tests: serves H.264 and G.711 over RTSP on a free port of this machine, and prints the port."""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

options = argparse.ArgumentParser()
options.add_argument("--password", help="that the user admin has to show, by Digest")
options.add_argument("--basic", action="store_true", help="by Basic instead")
options.add_argument("--udp", action="store_true", help="send media by UDP only")
options.add_argument("--silent", action="store_true", help="play, and send no media")
options.add_argument("--h265", action="store_true", help="send H.265 and AAC instead")
options.add_argument("--count", type=int, help="so many cameras, /camera0 and on, each with pictures of its own width")
options.add_argument("--address", default="127.0.0.1", help="of loopback, which it is at")
options = options.parse_args()

Gst.init(None)
SOUND = "audiotestsrc is-live=true wave=ticks "


def pictures(width, height, rate):
    return f"videotestsrc is-live=true pattern=ball ! video/x-raw,width={width},height={height},framerate={rate}/1 "


def h264(source):
    return f"{source} ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! rtph264pay name=pay0 pt=96 "


VIDEO = pictures(320, 240, 25)
if options.silent:
    # A source that gives nothing to pay, of which all is known beforehand.
    tracks = "( appsrc is-live=true caps=audio/x-alaw,rate=8000,channels=1 ! rtppcmapay name=pay0 pt=8 )"
elif options.h265:
    tracks = (
        f"( {VIDEO} ! x265enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! rtph265pay name=pay0 pt=96 "
        f"{SOUND} ! audio/x-raw,rate=48000,channels=1 ! avenc_aac ! rtpmp4gpay name=pay1 pt=97 )"
    )
else:
    tracks = (
        f"( {h264(VIDEO)} {SOUND} ! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1 pt=8 )"
    )
factory = GstRtspServer.RTSPMediaFactory()
factory.set_shared(True)
factory.set_launch(tracks)
if options.udp:
    factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
server = GstRtspServer.RTSPServer()
server.set_address(options.address)
server.set_service("0")
if options.password:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "admin")
    if options.basic:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic("admin", options.password), token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest("admin", options.password, token)
    server.set_auth(auth)
    factory.add_role_from_structure(
        Gst.Structure.from_string(
            "admin, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
        )[0]
    )
server.get_mount_points().add_factory("/camera", factory)
for number in range(options.count or 0):
    # Small ones: many of them are to fit into one machine beside those who watch.
    one = GstRtspServer.RTSPMediaFactory()
    one.set_shared(True)
    one.set_launch(f"( {h264(pictures(128 + 8 * number, 128, 15))})")
    server.get_mount_points().add_factory(f"/camera{number}", one)
if not server.attach(None):
    sys.exit("the port cannot be opened")
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
