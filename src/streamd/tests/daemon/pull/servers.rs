//! The servers that sources are pulled from.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::PATIENCE;

/// A program that is killed when this is dropped.
pub struct Server(Child);

impl Server {
    pub fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Self(command.spawn().expect("it is installed"))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let out = self.0.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("it is text");
        line.trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An IP camera, and its port.
pub fn camera(options: &[&str]) -> (Server, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/e2e/rtsp_camera.py");
    // The system's own Python has the system's modules; another one may be before it in the path.
    let mut server = Server::start(Command::new("/usr/bin/python3").arg(script).args(options));
    let port = server.line();
    (server, port)
}

/// A port that nobody has now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("there is one").port()
}

/// An even port of UDP that nobody has now, nor the next one.
pub fn free_ports() -> u16 {
    let bound = |port| UdpSocket::bind(("127.0.0.1", port));
    loop {
        let first = bound(0).expect("there is one");
        let port = first.local_addr().expect("it has one").port();
        if port.is_multiple_of(2) && bound(port + 1).is_ok() {
            return port;
        }
    }
}

/// Ten seconds of pictures and sound in a file of this name.
pub fn clip(folder: &Path, name: &str, more: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args([
        "-nostdin",
        "-loglevel",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=192x108:rate=25:duration=10",
    ]);
    ffmpeg.args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=10"]);
    ffmpeg.args(["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p"]);
    ffmpeg.args(["-c:a", "aac", "-ac", "2"]).args(more).arg(&path);
    assert!(ffmpeg.status().expect("ffmpeg is installed").success());
    path
}

/// Sends a file again and again, as fast as it plays.
pub fn sender(file: &Path, options: &[&str], to: &str) -> Server {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i"]).arg(file);
    Server::start(ffmpeg.args(["-c", "copy"]).args(options).arg(to))
}

/// Writes a certificate of this machine into a folder, in PEM, and gives its file and one of it with its key.
pub fn certificate(folder: &Path) -> (PathBuf, PathBuf) {
    let names = ["localhost", "127.0.0.1"].map(str::to_owned).to_vec();
    let made = rcgen::generate_simple_self_signed(names).expect("they are names");
    let (shown, whole) = (folder.join("certificate.pem"), folder.join("whole.pem"));
    let both = [made.cert.pem(), made.signing_key.serialize_pem()].concat();
    std::fs::write(&shown, made.cert.pem()).expect("there is room");
    std::fs::write(&whole, both).expect("there is room");
    (shown, whole)
}

/// nginx that gives the files of a folder.
pub struct Nginx {
    server: Server,
    port: u16,
}

impl Nginx {
    pub fn start(folder: &Path, more: &str) -> Self {
        let port = free_port();
        let configuration = format!(
            "daemon off; master_process off; pid {0}/nginx.pid; error_log stderr; events {{}} http {{ access_log off; \
             client_body_temp_path {0}/b; proxy_temp_path {0}/p; fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u; \
             scgi_temp_path {0}/s; server {{ listen 127.0.0.1:{port}; root {0}; {more} }} }}",
            folder.display()
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration).expect("there is room");
        let server =
            Server::start(Command::new("/usr/sbin/nginx").arg("-c").arg(file).args(["-e", "stderr"]));
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "nginx does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { server, port }
    }

    pub fn url(&self, path: &str) -> String {
        assert!(self.server.0.id() > 0);
        format!("http://127.0.0.1:{}/{path}", self.port)
    }
}

/// An origin that says what one has said, to everybody who asks it for something.
pub fn origin(said: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let port = listener.local_addr().expect("it has one").port();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut asked = [0; 8];
                let is_asked = std::io::Read::read_exact(&mut connection, &mut asked).is_ok();
                assert!(is_asked && asked.starts_with(b"DTCM"));
                // What comes back is of no account; until its end the connection stays.
                let _ = std::io::Write::write_all(&mut connection, said);
                let _ = std::io::Read::read_to_end(&mut connection, &mut Vec::new());
            });
        }
    });
    port
}
