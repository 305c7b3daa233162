//! Viewers of WHEP on a few threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::{Result, anyhow};

use super::whep::{Client, Had, Identity, run};

/// How many threads serve them.
const THREADS: usize = 2;

/// When what comes counts, and when all is over.
#[derive(Debug, Default)]
pub struct Stage {
    measuring: AtomicBool,
    over: AtomicBool,
}

impl Stage {
    /// Whether what comes from now on counts.
    pub fn is_measuring(&self) -> bool {
        self.measuring.load(Ordering::SeqCst)
    }

    /// Whether viewers are to stop.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }
}

/// What each viewer of a thread had had when it began to count, and at the end.
type Served = Vec<(Had, Had)>;

/// Viewers that play on threads of their own until they are gathered.
pub struct Crew {
    stage: Arc<Stage>,
    threads: Vec<JoinHandle<Result<Served>>>,
}

impl Crew {
    /// Lets so many viewers begin.
    pub fn start(url: &str, count: usize) -> Result<Self> {
        let identity = Identity::new()?;
        let stage = Arc::new(Stage::default());
        let mut shares: Vec<Vec<Client>> = (0..THREADS).map(|_| Vec::new()).collect();
        for number in 0..count {
            shares[number % THREADS].push(Client::begin(&identity, url)?);
        }
        let serve = |clients: Vec<Client>| {
            let stage = Arc::clone(&stage);
            std::thread::spawn(move || run(clients, &stage))
        };
        Ok(Self { threads: shares.into_iter().map(serve).collect(), stage })
    }

    /// What comes from now on counts.
    pub fn measure(&self) {
        self.stage.measuring.store(true, Ordering::SeqCst);
    }

    /// Stops them; gives what each has had since it counted. Losses and stalls count from the beginning.
    pub fn gather(mut self) -> Result<Vec<Had>> {
        self.stage.over.store(true, Ordering::SeqCst);
        let mut all = Vec::new();
        for thread in std::mem::take(&mut self.threads) {
            all.extend(thread.join().map_err(|_| anyhow!("a thread of viewers panicked"))??);
        }
        let counted = |(before, after): (Had, Had)| Had {
            packets: after.packets - before.packets,
            bytes: after.bytes - before.bytes,
            ..after
        };
        Ok(all.into_iter().map(counted).collect())
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.stage.over.store(true, Ordering::SeqCst);
    }
}
