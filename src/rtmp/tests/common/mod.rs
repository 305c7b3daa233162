//! A server that keeps what it gets, and a client made by hand.

#![allow(dead_code, reason = "every test file uses its part")]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use fql_unit::TrackTable;
use rtmp::{AccessUnit, End, Error, Publisher, Sink};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

pub const KEY: &str = "sk_the-key-of-the-tests";

/// What arrived.
#[derive(Debug, Default, Clone)]
pub struct Record {
    pub tables: Vec<TrackTable>,
    pub units: Vec<AccessUnit>,
    pub left_out: Vec<String>,
    pub goodbyes: u32,
}

impl Record {
    pub fn of_track(&self, track: u8) -> Vec<AccessUnit> {
        self.units.iter().filter(|unit| unit.track == track).cloned().collect()
    }
}

#[derive(Clone, Default)]
pub struct Keeper(pub Arc<Mutex<Record>>);

impl Publisher for Keeper {
    type Sink = Self;

    async fn publish(&self, key: &str) -> Result<Self, String> {
        if key == KEY { Ok(self.clone()) } else { Err("no stream has this key".into()) }
    }
}

impl Sink for Keeper {
    fn tracks(&mut self, tracks: TrackTable) -> Result<(), String> {
        self.0.lock().unwrap().tables.push(tracks);
        Ok(())
    }

    fn unit(&mut self, unit: AccessUnit) -> Result<(), String> {
        self.0.lock().unwrap().units.push(unit);
        Ok(())
    }

    fn left_out(&mut self, what: &str) {
        self.0.lock().unwrap().left_out.push(what.into());
    }

    async fn ended(&mut self) -> String {
        std::future::pending().await
    }

    fn end(self) {
        self.0.lock().unwrap().goodbyes += 1;
    }
}

/// A server for one connection on a free port.
pub struct Server {
    listener: TcpListener,
    pub keeper: Keeper,
}

impl Server {
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, keeper: Keeper::default() }
    }

    pub fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    pub fn url(&self, key: &str) -> String {
        format!("rtmp://127.0.0.1:{}/live/{key}", self.port())
    }

    /// Serves the next connection to its end.
    pub async fn serve(&self) -> (Result<End, Error>, Record) {
        let (connection, _) = self.listener.accept().await.unwrap();
        let result = rtmp::serve(connection, self.keeper.clone()).await;
        (result, self.keeper.0.lock().unwrap().clone())
    }

    /// Serves the next connection while a client that was given the address runs to its end.
    pub async fn with<F: Future>(&self, client: F) -> (F::Output, Result<End, Error>, Record) {
        let (output, (result, record)) = tokio::join!(client, self.serve());
        (output, result, record)
    }
}

/// Runs a program to its end; what it writes to standard error, and whether it succeeded.
pub async fn run(program: &str, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

pub async fn ffmpeg(arguments: &[&str]) {
    let all = [&["-nostdin", "-v", "error", "-y"], arguments].concat();
    let (is_done, said) = run("ffmpeg", &all).await;
    assert!(is_done, "ffmpeg {arguments:?}: {said}");
}

/// A folder for the files of one test.
pub fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// A packet, as ffmpeg tells of it: times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    pub dts: i64,
    pub pts: i64,
    pub size: usize,
    pub checksum: u32,
}

/// The packets of a stream (`v:0`, `a:0`) of a file.
pub async fn packets(file: &Path, stream: &str) -> Vec<Packet> {
    let list = file.with_extension(format!("{}.packets", stream.replace(':', "")));
    let (from, to) = (file.to_str().unwrap(), list.to_str().unwrap());
    let milliseconds = ["-enc_time_base", "1/1000", "-f", "framecrc"];
    ffmpeg(
        &[&["-i", from, "-map", &format!("0:{stream}"), "-c", "copy", "-copyts"], &milliseconds[..], &[to]]
            .concat(),
    )
    .await;
    let text = std::fs::read_to_string(list).unwrap();
    let base: Vec<i64> = text
        .lines()
        .find_map(|line| line.strip_prefix("#tb 0: "))
        .unwrap()
        .split('/')
        .map(|number| number.parse().unwrap())
        .collect();
    let packet = |line: &str| {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let time = |at: usize| {
            let ticks: i64 = fields[at].parse().unwrap();
            (ticks * base[0] * 2000 / base[1] + 1).div_euclid(2)
        };
        Packet {
            dts: time(1),
            pts: time(2),
            size: fields[4].parse().unwrap(),
            checksum: u32::from_str_radix(fields[5].trim_start_matches("0x"), 16).unwrap(),
        }
    };
    text.lines().filter(|line| !line.starts_with('#')).map(packet).collect()
}

/// What arrived, in the form of [`packets`].
pub fn as_packets(units: &[AccessUnit]) -> Vec<Packet> {
    let packet = |unit: &AccessUnit| Packet {
        dts: unit.dts / 1_000_000,
        pts: unit.pts / 1_000_000,
        size: unit.data.len(),
        checksum: adler(&unit.data),
    };
    units.iter().map(packet).collect()
}

/// The checksum of ffmpeg's framecrc: Adler-32 that begins with 0.
fn adler(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (mut a, mut b) = (0, 0);
    for &byte in bytes {
        a = (a + u32::from(byte)) % MODULUS;
        b = (b + a) % MODULUS;
    }
    b << 16 | a
}

/// A client made by hand.
pub struct Client {
    pub io: TcpStream,
}

impl Client {
    pub async fn connect(port: u16) -> Self {
        let mut io = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        io.write_all(&[&[3u8][..], &[0; 1536]].concat()).await.unwrap();
        io.read_exact(&mut vec![0; 1 + 2 * 1536]).await.unwrap();
        io.write_all(&[0; 1536]).await.unwrap();
        Self { io }
    }

    /// Up to where media may be sent.
    pub async fn publish(port: u16, key: &str) -> Self {
        let mut client = Self::connect(port).await;
        client.connect_to("live").await;
        client.command(&[text("publish"), number(3.0), vec![5], text(key), text("live")].concat()).await;
        client.until("NetStream.Publish.Start").await;
        client.message(1, 0, &0x10_0000u32.to_be_bytes(), 128).await;
        client
    }

    pub async fn connect_to(&mut self, application: &str) {
        let object = [&[3][..], b"\0\x03app", &text(application), &[0, 0, 9]].concat();
        self.command(&[text("connect"), number(1.0), object].concat()).await;
    }

    pub async fn command(&mut self, payload: &[u8]) {
        self.message(20, 0, payload, 128).await;
    }

    /// A message in chunks of so many bytes.
    pub async fn message(&mut self, kind: u8, timestamp: u32, payload: &[u8], chunk_size: usize) {
        let _ = self.io.write_all(&message(kind, timestamp, payload, chunk_size)).await;
    }

    pub async fn video(&mut self, timestamp: u32, tag: &[u8]) {
        self.message(9, timestamp, tag, 0x10_0000).await;
    }

    pub async fn audio(&mut self, timestamp: u32, tag: &[u8]) {
        self.message(8, timestamp, tag, 0x10_0000).await;
    }

    pub async fn goodbye(&mut self) {
        let payload = [text("deleteStream"), number(4.0), vec![5], number(1.0)].concat();
        self.message(20, 0, &payload, 0x10_0000).await;
        self.until("NetStream.Unpublish.Success").await;
    }

    /// Reads until this was said; gives all that was.
    pub async fn until(&mut self, said: &str) -> String {
        let mut all = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&all).into_owned();
            if text.contains(said) {
                return text;
            }
            match self.io.read(&mut buffer).await {
                Ok(count) if count > 0 => all.extend_from_slice(&buffer[..count]),
                end => panic!("{said:?} was never said, but {text:?} ({end:?})"),
            }
        }
    }
}

pub fn message(kind: u8, timestamp: u32, payload: &[u8], chunk_size: usize) -> Vec<u8> {
    let extended = timestamp >= 0xff_ffff;
    let time = if extended { [0xff; 3].to_vec() } else { timestamp.to_be_bytes()[1..].to_vec() };
    let repeated = if extended { timestamp.to_be_bytes().to_vec() } else { Vec::new() };
    let length = (payload.len() as u32).to_be_bytes();
    let mut out = [&[4][..], &time, &length[1..], &[kind, 1, 0, 0, 0], &repeated].concat();
    for (i, chunk) in payload.chunks(chunk_size).enumerate() {
        if i > 0 {
            out.push(0xc4);
            out.extend(&repeated);
        }
        out.extend(chunk);
    }
    out
}

pub fn text(text: &str) -> Vec<u8> {
    [&[2][..], &(text.len() as u16).to_be_bytes(), text.as_bytes()].concat()
}

pub fn number(number: f64) -> Vec<u8> {
    [&[0][..], &number.to_be_bytes()].concat()
}
