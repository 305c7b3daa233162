"""An IP camera for tests: serves H.264 and G.711 over RTSP on a free port of this machine, and prints the port."""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

options = argparse.ArgumentParser()
options.add_argument("--password", help="that the user admin has to show, by Digest")
options.add_argument("--basic", action="store_true", help="by Basic instead")
options.add_argument("--udp", action="store_true", help="send media by UDP only")
options.add_argument("--silent", action="store_true", help="play, and send no media")
options.add_argument("--h265", action="store_true", help="send H.265 and AAC instead")
options.add_argument("--mu-law", action="store_true", help="send G.711 as North America has it")
options.add_argument("--b-frames", action="store_true", help="send pictures that are shown in another order")
options.add_argument(
    "--parameter-sets", choices=("in-band", "out-of-band"), help="send them in the media alone, or in the description"
)
options.add_argument("--address", default="127.0.0.1", help="to listen on")
options.add_argument("--certificate", help="speak TLS, with this file, which holds the key, too")
options.add_argument("--drop", type=int, metavar="SECONDS", help="end each connection after so long")
options.add_argument("--count", type=int, help="so many cameras, /camera0 and on, each with pictures of its own width")
options = options.parse_args()

Gst.init(None)
SOUND = "audiotestsrc is-live=true wave=ticks "


def pictures(width, height, rate):
    return f"videotestsrc is-live=true pattern=ball ! video/x-raw,width={width},height={height},framerate={rate}/1 "


VIDEO = pictures(320, 240, 25)
X264 = "x264enc speed-preset=ultrafast key-int-max=25 " + (
    "bframes=2 ! video/x-h264,profile=main" if options.b_frames else "tune=zerolatency"
)
X265 = "x265enc speed-preset=ultrafast key-int-max=25 " + (
    "option-string=bframes=2" if options.b_frames else "tune=zerolatency"
)
PAY = {
    None: "rtph264pay name=pay0 pt=96",
    # What is after the payloader says nothing of them.
    "in-band": "rtph264pay config-interval=-1 pt=96 ! capssetter name=pay0 replace=true "
    "caps=application/x-rtp,media=video,payload=96,clock-rate=90000,encoding-name=H264,packetization-mode=(string)1",
    "out-of-band": "video/x-h264,stream-format=avc ! rtph264pay name=pay0 pt=96 config-interval=0",
}[options.parameter_sets]
H264 = f"{X264} ! {PAY}"
G711 = "mulawenc ! rtppcmupay name=pay1 pt=0" if options.mu_law else "alawenc ! rtppcmapay name=pay1 pt=8"
if options.silent:
    # A source that gives nothing to pay, of which all is known beforehand.
    tracks = "( appsrc is-live=true caps=audio/x-alaw,rate=8000,channels=1 ! rtppcmapay name=pay0 pt=8 )"
elif options.h265:
    tracks = (
        f"( {VIDEO} ! {X265} ! rtph265pay name=pay0 pt=96 "
        f"{SOUND} ! audio/x-raw,rate=48000,channels=1 ! avenc_aac ! rtpmp4gpay name=pay1 pt=97 )"
    )
else:
    tracks = f"( {VIDEO} ! {H264} {SOUND} ! audio/x-raw,rate=8000,channels=1 ! {G711} )"
factory = GstRtspServer.RTSPMediaFactory()
factory.set_shared(True)
factory.set_launch(tracks)
for role in ("admin", "anonymous"):
    allowed = f"{role}, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
    factory.add_role_from_structure(Gst.Structure.from_string(allowed)[0])
if options.udp:
    factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
server = GstRtspServer.RTSPServer()
server.set_address(options.address)
server.set_service("0")
auth = GstRtspServer.RTSPAuth()
if options.certificate:
    auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(options.certificate))
    # Everybody may watch.
    anonymous = GstRtspServer.RTSPToken()
    anonymous.set_string("media.factory.role", "anonymous")
    auth.set_default_token(anonymous)
    server.set_auth(auth)
elif options.password:
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "admin")
    if options.basic:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic("admin", options.password), token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest("admin", options.password, token)
    server.set_auth(auth)


def drop(_server, client):
    GLib.timeout_add_seconds(options.drop, client.close)


if options.drop:
    server.connect("client-connected", drop)
server.get_mount_points().add_factory("/camera", factory)
for number in range(options.count or 0):
    # Small ones: many of them are to fit into one machine beside those who watch.
    one = GstRtspServer.RTSPMediaFactory()
    one.set_shared(True)
    one.set_launch(f"( {pictures(128 + 8 * number, 128, 15)} ! {H264} )")
    server.get_mount_points().add_factory(f"/camera{number}", one)
if not server.attach(None):
    sys.exit("the port cannot be opened")
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
