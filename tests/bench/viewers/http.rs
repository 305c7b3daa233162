//! Requests over one connection that stays open, as players make them, with next to no work on this side.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, bail, ensure};
use flate2::bufread::GzDecoder;
use std::io::Read;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

/// Longer answers are none of a playlist or of two seconds of media.
const MOST: usize = 32 << 20;

/// A connection that asks one thing after the other.
pub struct Connection {
    stream: BufReader<TcpStream>,
    host: SocketAddr,
    agent: String,
    line: String,
    body: Vec<u8>,
}

impl Connection {
    /// Connects as this program, from this address of the machine.
    pub async fn open(host: SocketAddr, from: Ipv4Addr, agent: &str) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        let stream = socket.connect(host).await.context("no connection")?;
        stream.set_nodelay(true)?;
        let stream = BufReader::with_capacity(64 << 10, stream);
        Ok(Self { stream, host, agent: agent.to_owned(), line: String::new(), body: Vec::new() })
    }

    /// A text, which may come in gzip, and how many bytes it was on the way.
    pub async fn text(&mut self, path: &str) -> Result<(String, usize)> {
        let is_gzip = self.ask(path, "accept-encoding: gzip\r\n").await?;
        let mut text = String::new();
        if is_gzip {
            GzDecoder::new(&self.body[..]).read_to_string(&mut text)?;
        } else {
            text = String::from_utf8(self.body.clone())?;
        }
        Ok((text, self.body.len()))
    }

    /// The bytes of a piece of media, until something else is asked for.
    pub async fn media(&mut self, path: &str) -> Result<&[u8]> {
        self.ask(path, "").await?;
        Ok(&self.body)
    }

    /// Asks, and reads the answer, which has to be 200; tells whether it is in gzip.
    async fn ask(&mut self, path: &str, headers: &str) -> Result<bool> {
        let (host, agent) = (self.host, &self.agent);
        let head = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: {agent}\r\n{headers}\r\n");
        self.stream.write_all(head.as_bytes()).await?;
        self.read_line().await?;
        let status = self.line.clone();
        let (mut length, mut is_chunked, mut is_gzip) = (None, false, false);
        loop {
            self.read_line().await?;
            let Some((name, value)) = self.line.split_once(':') else { break };
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.parse::<usize>()?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                is_chunked = value.eq_ignore_ascii_case("chunked");
            } else if name.eq_ignore_ascii_case("content-encoding") {
                is_gzip = value.eq_ignore_ascii_case("gzip");
            }
        }
        self.body.clear();
        if is_chunked {
            while self.chunk().await? {}
        } else {
            self.append(length.context("an answer without length")?).await?;
        }
        ensure!(status.starts_with("HTTP/1.1 200 "), "{path}: {status}");
        Ok(is_gzip)
    }

    /// Reads a line, without its end.
    async fn read_line(&mut self) -> Result<()> {
        self.line.clear();
        if self.stream.read_line(&mut self.line).await? == 0 {
            bail!("the connection was closed");
        }
        self.line.truncate(self.line.trim_end().len());
        Ok(())
    }

    async fn append(&mut self, length: usize) -> Result<()> {
        let from = self.body.len();
        ensure!(length <= MOST - from, "an answer of more than {MOST} bytes");
        self.body.resize(from + length, 0);
        self.stream.read_exact(&mut self.body[from..]).await?;
        Ok(())
    }

    /// Reads a chunk (RFC 9112, 7.1); `false` for the last one.
    async fn chunk(&mut self) -> Result<bool> {
        self.read_line().await?;
        let length = usize::from_str_radix(self.line.split(';').next().unwrap_or_default(), 16)?;
        self.append(length).await?;
        self.read_line().await?;
        Ok(length > 0)
    }
}
