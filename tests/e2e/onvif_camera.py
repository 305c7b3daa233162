"""An ONVIF camera for tests: answers probes to the group of WS-Discovery on loopback, and tells over SOAP where its streams
are. Prints a line with the port of the group and that of HTTP when it is ready.

It shares no code with what it tests: who asks is checked here as the standards say it.
"""

import argparse
import base64
import datetime
import hashlib
import http.server
import os
import re
import socket
import struct
import threading
import uuid
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

options = argparse.ArgumentParser()
options.add_argument("--address", default="127.0.0.1", help="of loopback, which it is at")
options.add_argument("--group-port", type=int, default=3702, help="0: one that is free")
options.add_argument("--name", default="Front door")
options.add_argument("--password", help="that the user admin has to show")
options.add_argument("--http-digest", action="store_true", help="in HTTP, and not in the message")
options.add_argument("--ahead", type=int, default=0, help="the seconds that its clock is before the right time")
options.add_argument("--old", action="store_true", help="knows GetCapabilities and the first media service alone")
options.add_argument("--uri", action="append", default=[], help="the address of a stream")
options = options.parse_args()

GROUP = "239.255.255.250"
SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
DISCOVERY = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
MEDIA_2 = "http://www.onvif.org/ver20/media/wsdl"
SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
UTILITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
IDENTITY = uuid.uuid4().urn
# Of the password in the message: how old it may be, which has to be more than a slow machine takes.
OLDEST = 120
REALM = "camera"
NONCE = os.urandom(16).hex()
# No answer may be given again.
seen = set()


def now():
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=options.ahead)


def envelope(body, header=""):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="{SOAP}" xmlns:wsa="{ADDRESSING}" '
        f'xmlns:d="{DISCOVERY}" xmlns:tds="{DEVICE}" xmlns:trt="{MEDIA}" xmlns:tr2="{MEDIA_2}" '
        f'xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:ter="http://www.onvif.org/ver10/error">'
        f"<SOAP-ENV:Header>{header}</SOAP-ENV:Header><SOAP-ENV:Body>{body}</SOAP-ENV:Body></SOAP-ENV:Envelope>"
    )


def fault(subcode, text):
    return envelope(
        f"<SOAP-ENV:Fault><SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:Sender</SOAP-ENV:Value><SOAP-ENV:Subcode>"
        f"<SOAP-ENV:Value>{subcode}</SOAP-ENV:Value></SOAP-ENV:Subcode></SOAP-ENV:Code>"
        f'<SOAP-ENV:Reason><SOAP-ENV:Text xml:lang="en">{text}</SOAP-ENV:Text></SOAP-ENV:Reason></SOAP-ENV:Fault>'
    )


def shows_password_in_message(header):
    token = header.find(f"{{{SECURITY}}}Security/{{{SECURITY}}}UsernameToken") if header is not None else None
    if token is None or token.findtext(f"{{{SECURITY}}}Username") != "admin":
        return False
    password = token.find(f"{{{SECURITY}}}Password")
    if not password.get("Type").endswith("#PasswordDigest"):
        return False
    nonce = base64.b64decode(token.findtext(f"{{{SECURITY}}}Nonce"))
    created = token.findtext(f"{{{UTILITY}}}Created")
    when = datetime.datetime.strptime(created, "%Y-%m-%dT%H:%M:%S%z")
    if abs((now() - when).total_seconds()) > OLDEST or nonce in seen:
        return False
    seen.add(nonce)
    digest = hashlib.sha1(nonce + created.encode() + options.password.encode()).digest()
    return password.text == base64.b64encode(digest).decode()


def shows_password_in_http(shown, path):
    if not shown or not shown.startswith("Digest "):
        return False
    found = {name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', shown)}
    counted = (found.get("cnonce"), found.get("nc"))
    if found.get("username") != "admin" or found.get("nonce") != NONCE or found.get("uri") != path or counted in seen:
        return False
    seen.add(counted)
    md5 = lambda text: hashlib.md5(text.encode()).hexdigest()  # noqa: E731
    user, what = md5(f"admin:{REALM}:{options.password}"), md5(f"POST:{path}")
    return found.get("response") == md5(f"{user}:{NONCE}:{found['nc']}:{found['cnonce']}:auth:{what}")


def profile(number):
    """The parts of a profile that both services have."""
    width, height, encoding = (320, 240, "H264") if number == 0 else (640, 480, "H265")
    return number, f"profile{number}", f"Stream {number + 1}", encoding, width, height


def answer(question, service):
    namespace, name = question.tag[1:].split("}")
    local = lambda path: f"http://{options.address}:{server.server_port}/onvif/{path}"  # noqa: E731
    if (namespace, name) == (DEVICE, "GetSystemDateAndTime"):
        time = now()
        return (
            f"<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
            f"<tt:DaylightSavings>false</tt:DaylightSavings><tt:UTCDateTime><tt:Time><tt:Hour>{time.hour}</tt:Hour>"
            f"<tt:Minute>{time.minute}</tt:Minute><tt:Second>{time.second}</tt:Second></tt:Time><tt:Date>"
            f"<tt:Year>{time.year}</tt:Year><tt:Month>{time.month}</tt:Month><tt:Day>{time.day}</tt:Day></tt:Date>"
            f"</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
        )
    if (namespace, name) == (DEVICE, "GetDeviceInformation"):
        return (
            "<tds:GetDeviceInformationResponse><tds:Manufacturer>Example &amp; Sons</tds:Manufacturer>"
            "<tds:Model>EX-1</tds:Model><tds:FirmwareVersion>1</tds:FirmwareVersion><tds:SerialNumber>1"
            "</tds:SerialNumber><tds:HardwareId>1</tds:HardwareId></tds:GetDeviceInformationResponse>"
        )
    if (namespace, name) == (DEVICE, "GetServices") and not options.old:
        services = [(DEVICE, "device_service"), (MEDIA, "media"), (MEDIA_2, "media2")]
        return "<tds:GetServicesResponse>{}</tds:GetServicesResponse>".format(
            "".join(
                f"<tds:Service><tds:Namespace>{namespace}</tds:Namespace><tds:XAddr>{local(path)}</tds:XAddr>"
                "<tds:Version><tt:Major>2</tt:Major><tt:Minor>0</tt:Minor></tds:Version></tds:Service>"
                for namespace, path in services
            )
        )
    if (namespace, name) == (DEVICE, "GetCapabilities"):
        return (
            f"<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Media><tt:XAddr>{local('media')}</tt:XAddr>"
            "</tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>"
        )
    profiles = [profile(number) for number in range(len(options.uri))]
    if (namespace, name, service) == (MEDIA, "GetProfiles", "media"):
        return "<trt:GetProfilesResponse>{}</trt:GetProfilesResponse>".format(
            "".join(
                f'<trt:Profiles token="{token}" fixed="true"><tt:Name>{called}</tt:Name><tt:VideoSourceConfiguration '
                f'token="source"/><tt:VideoEncoderConfiguration token="encoder{number}"><tt:Encoding>H264'
                f"</tt:Encoding><tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height>"
                "</tt:Resolution><tt:RateControl><tt:FrameRateLimit>25</tt:FrameRateLimit></tt:RateControl>"
                "</tt:VideoEncoderConfiguration></trt:Profiles>"
                for number, token, called, _, width, height in profiles
            )
        )
    if (namespace, name, service) == (MEDIA_2, "GetProfiles", "media2") and not options.old:
        return "<tr2:GetProfilesResponse>{}</tr2:GetProfilesResponse>".format(
            "".join(
                f'<tr2:Profiles token="{token}" fixed="true"><tr2:Name>{called}</tr2:Name><tr2:Configurations>'
                f'<tr2:VideoEncoder token="encoder{number}"><tt:Encoding>{encoding}</tt:Encoding><tt:Resolution>'
                f"<tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height></tt:Resolution><tt:RateControl>"
                "<tt:FrameRateLimit>25</tt:FrameRateLimit></tt:RateControl></tr2:VideoEncoder></tr2:Configurations>"
                "</tr2:Profiles>"
                for number, token, called, encoding, width, height in profiles
            )
        )
    if name == "GetStreamUri" and (namespace, service) in [(MEDIA, "media"), (MEDIA_2, "media2")]:
        token = question.findtext(f"{{{namespace}}}ProfileToken")
        protocol = [element.text for element in question.iter() if element.tag.endswith("}Protocol")]
        found = [uri for (_, found, *_), uri in zip(profiles, options.uri) if found == token]
        if not found or protocol != ["RTSP"]:
            return None
        uri = escape(found[0])
        if namespace == MEDIA:
            return (
                f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{uri}</tt:Uri><tt:InvalidAfterConnect>false"
                "</tt:InvalidAfterConnect></trt:MediaUri></trt:GetStreamUriResponse>"
            )
        return f"<tr2:GetStreamUriResponse><tr2:Uri>{uri}</tr2:Uri></tr2:GetStreamUriResponse>"
    return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"]))
        root = ElementTree.fromstring(text)
        question = root.find(f"{{{SOAP}}}Body")[0]
        is_open = question.tag.endswith(("}GetSystemDateAndTime", "}GetServices", "}GetCapabilities"))
        if options.password and not is_open:
            if options.http_digest:
                if not shows_password_in_http(self.headers["Authorization"], self.path):
                    challenge = f'Digest realm="{REALM}", nonce="{NONCE}", qop="auth", algorithm=MD5'
                    return self.say(401, "", [("WWW-Authenticate", 'Basic realm="camera"'), ("WWW-Authenticate", challenge)])
            elif not shows_password_in_message(root.find(f"{{{SOAP}}}Header")):
                return self.say(400, fault("ter:NotAuthorized", "Sender not Authorized"))
        said = answer(question, self.path.rsplit("/", 1)[-1])
        if said is None:
            return self.say(500, fault("ter:ActionNotSupported", "Optional Action Not Implemented"))
        self.say(200, envelope(said))

    def say(self, status, text, headers=()):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def answer_probes(group):
    while True:
        text, whoever = group.recvfrom(65536)
        try:
            root = ElementTree.fromstring(text)
        except ElementTree.ParseError:
            continue
        asked = root.findtext(f".//{{{DISCOVERY}}}Types")
        message = root.findtext(f".//{{{ADDRESSING}}}MessageID")
        if asked is None or not asked.endswith(("NetworkVideoTransmitter", "Device")):
            continue
        name = options.name.replace(" ", "%20")
        said = envelope(
            f"<d:ProbeMatches><d:ProbeMatch><wsa:EndpointReference><wsa:Address>{IDENTITY}</wsa:Address>"
            "</wsa:EndpointReference><d:Types xmlns:dn='http://www.onvif.org/ver10/network/wsdl'>"
            "dn:NetworkVideoTransmitter tds:Device</d:Types><d:Scopes>onvif://www.onvif.org/type/video_encoder "
            f"onvif://www.onvif.org/name/{name} onvif://www.onvif.org/hardware/EX</d:Scopes><d:XAddrs>"
            f"http://[fe80::1]/onvif/device_service http://{options.address}:{server.server_port}/onvif/device_service"
            "</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches>",
            f"<wsa:MessageID>{uuid.uuid4().urn}</wsa:MessageID><wsa:RelatesTo>{message}</wsa:RelatesTo>"
            f"<wsa:Action>{DISCOVERY}/ProbeMatches</wsa:Action>",
        )
        own.sendto(said.encode(), whoever)


server = http.server.ThreadingHTTPServer((options.address, 0), Handler)
group = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
group.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
group.bind((GROUP, options.group_port))
member = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton("127.0.0.1"))
group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
own.bind((options.address, 0))
threading.Thread(target=answer_probes, args=[group], daemon=True).start()
print(group.getsockname()[1], server.server_port, flush=True)
server.serve_forever()
