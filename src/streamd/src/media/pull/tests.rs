//! Tasks of sources, without any source.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};

use fql_transport::ServerKey;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::*;
use crate::config::Config;
use crate::media::{MediaConfig, MediaSocket};
use crate::store::Store;

const PATIENCE: Duration = Duration::from_secs(30);

fn source() -> Source {
    Source { address: fql_pull::Address::parse("http://camera/a.ts").unwrap(), always: true }
}

/// What takes its time to be let go of.
struct Slow(Arc<AtomicBool>);

impl Drop for Slow {
    fn drop(&mut self) {
        std::thread::sleep(Duration::from_millis(50));
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_begins_when_nothing_of_those_before_is_left() {
    let is_gone = Arc::<AtomicBool>::default();
    let (slow, (begin, begun)) = (Slow(is_gone.clone()), oneshot::channel());
    let first = Task::after(None, source(), async move {
        let _slow = slow;
        begin.send(()).unwrap();
        pending::<()>().await;
    });
    timeout(PATIENCE, begun).await.unwrap().unwrap();
    // One that is ended before its turn lets nobody past the first.
    let second = Task::after(Some(first), source(), pending());
    let (tell, told) = oneshot::channel();
    let _third = Task::after(Some(second), source(), async move {
        tell.send(is_gone.load(Ordering::SeqCst)).unwrap();
    });
    assert!(timeout(PATIENCE, told).await.unwrap().unwrap(), "the third does not wait for the first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_task_of_a_stream_that_is_archived_takes_no_time() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let service = Service::new(store, crate::service::Settings::default()).await.unwrap();
    let config = Config::default();
    let socket = MediaSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let media_config = MediaConfig::new(&config, ServerKey::from_bytes([9; 32]));
    let (media, _events) = Media::start(media_config, socket, service.clone()).unwrap();
    let (wanted, status) = media.sources.add("archived");
    let line = Line {
        service,
        media: Arc::new(media),
        settings: Settings::new(&config.pull),
        stream: "archived".to_owned(),
        source: source(),
        wanted,
        status,
    };
    // On a thread of its own: a task that never waits would keep this one.
    let (runtime, (tell, told)) = (Handle::current(), oneshot::channel());
    std::thread::spawn(move || {
        let waits = async { timeout(Duration::from_millis(10), line.run()).await.is_err() };
        let _ = tell.send(runtime.block_on(waits));
    });
    assert!(
        timeout(PATIENCE, told).await.expect("it never waits").unwrap(),
        "it goes on for as long as it may"
    );
}
