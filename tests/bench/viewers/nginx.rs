//! The peer: nginx, which serves a copy of the same playlists and segments as files.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fql_tests::crowd::Cost;
use fql_tests::daemon::free_tcp_port;
use fql_tests::program::Program;
use rustix::process::{Pid, Signal, kill_process};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::hls::Place;
use super::http::Connection;
use super::playlist::{Playlist, renditions};
use super::tally::Tally;

/// How often it is looked for new segments.
const LOOK: Duration = Duration::from_millis(250);

/// How long it may take to end.
const LONGEST_END: Duration = Duration::from_secs(5);

/// An nginx whose folder follows a stream.
pub struct Nginx {
    program: Program,
    /// Aborts the copying when it is dropped.
    _copying: JoinSet<()>,
    address: SocketAddr,
}

impl Nginx {
    /// Copies what is at this place from now on, and serves it.
    pub fn start(
        runtime: &Runtime,
        place: &Place,
        folder: &Path,
        tally: &std::sync::Arc<Tally>,
    ) -> Result<Self> {
        let files = folder.join("www");
        fs::create_dir_all(&files)?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_tcp_port()?));
        let config = folder.join("nginx.conf");
        fs::write(&config, configuration(folder, address))?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder).arg("-c").arg(&config).arg("-e").arg(folder.join("error.log"));
        let program = Program::spawn("nginx", &mut command).context("nginx, of Debian's nginx-light")?;
        let mut copying = JoinSet::new();
        let (place, tally) = (place.clone(), std::sync::Arc::clone(tally));
        let copy = async move {
            if let Err(error) = copy(&place, &files).await {
                tally.fail(&error);
            }
        };
        copying.spawn_on(copy, runtime.handle());
        Ok(Self { program, _copying: copying, address })
    }

    /// Where it is played.
    pub fn place(&self) -> Place {
        Place { host: self.address, base: "/".to_owned(), low_latency: false }
    }

    /// What all its processes have used.
    pub fn cost(&self) -> Result<Cost> {
        let master = self.program.id();
        let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children"))?;
        let mut all = Cost::of(master)?;
        for child in children.split_whitespace() {
            let cost = Cost::of(child.parse()?)?;
            (all.seconds, all.memory) = (all.seconds + cost.seconds, all.memory + cost.memory);
        }
        Ok(all)
    }
}

impl Drop for Nginx {
    /// Asks it to end: killed, it would leave its workers behind.
    fn drop(&mut self) {
        let Some(pid) = i32::try_from(self.program.id()).ok().and_then(Pid::from_raw) else { return };
        let deadline = Instant::now() + LONGEST_END;
        let is_asked = kill_process(pid, Signal::TERM).is_ok();
        while is_asked && self.program.still_runs().is_ok() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// As it is recommended for files: `sendfile`, connections that stay open, playlists in gzip as ours, no log.
fn configuration(folder: &Path, address: SocketAddr) -> String {
    let folder = folder.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .concat();
    format!(
        "daemon off;\nuser root;\nworker_processes 2;\npid {folder}/nginx.pid;\nworker_rlimit_nofile 16384;\n\
         events {{ worker_connections 8192; }}\n\
         http {{\n{temporary}access_log off;\nsendfile on;\ntcp_nopush on;\nkeepalive_requests 1000000;\n\
         types {{ application/vnd.apple.mpegurl m3u8; video/mp4 m4s mp4; }}\n\
         gzip on;\ngzip_comp_level 1;\ngzip_types application/vnd.apple.mpegurl;\n\
         server {{ listen {address}; root {folder}/www; }}\n}}\n"
    )
}

/// Copies everything for as long as it is polled: what a playlist names is there before the playlist.
async fn copy(place: &Place, folder: &Path) -> Result<()> {
    let mut connection = Connection::open(place.host, Ipv4Addr::LOCALHOST, "the copy").await?;
    let (index, _) = connection.text(&format!("{}index.m3u8", place.base)).await?;
    let renditions = renditions(&index)?;
    let mut is_complete = false;
    loop {
        for rendition in &renditions {
            let (text, _) = connection.text(&format!("{}{rendition}", place.base)).await?;
            let playlist = Playlist::parse(&text)?;
            for uri in playlist.map.iter().chain(playlist.segments.iter().map(|segment| &segment.uri)) {
                let file = folder.join(uri);
                if !file.exists() {
                    fs::create_dir_all(file.parent().unwrap_or(folder))?;
                    write(&file, connection.media(&format!("{}{uri}", place.base)).await?)?;
                }
            }
            write(&folder.join(rendition), text.as_bytes())?;
        }
        if !is_complete {
            write(&folder.join("index.m3u8"), index.as_bytes())?;
            is_complete = true;
        }
        sleep(LOOK).await;
    }
}

/// Nobody sees half of it.
fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    let mut unfinished = PathBuf::from(file);
    unfinished.as_mut_os_string().push(".part");
    fs::write(&unfinished, bytes)?;
    Ok(fs::rename(unfinished, file)?)
}
