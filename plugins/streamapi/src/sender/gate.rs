//! What stands between a pipeline and an element that may fail.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Holds back whoever gives data to what has failed, until there is something else to give it to: the failure is no
/// failure of the pipeline, and a file does not run through while nobody takes it.
#[derive(Debug, Default)]
pub struct Gate {
    is_released: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    /// What giving data came to, for the one who gave it. It waits where that was a failure. `failed` is called before.
    pub fn pass(
        &self,
        flow: Result<gst::FlowSuccess, gst::FlowError>,
        failed: impl FnOnce(gst::FlowError),
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let Err(error) = flow else { return flow };
        // An end of what takes data is none of what gives it.
        if error != gst::FlowError::Flushing {
            failed(error);
        }
        let mut is_released = self.lock();
        while !*is_released {
            is_released = self.changed.wait(is_released).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(gst::FlowSuccess::Ok)
    }

    /// Nobody waits any more, or everybody who has to.
    pub fn release(&self, is_released: bool) {
        *self.lock() = is_released;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.is_released.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_goes_well_passes() {
        let none = |_| panic!("nothing failed");
        assert_eq!(Gate::default().pass(Ok(gst::FlowSuccess::Ok), none), Ok(gst::FlowSuccess::Ok));
    }

    #[test]
    fn a_failure_waits_until_it_is_released_and_is_none_then() {
        for failure in [gst::FlowError::Error, gst::FlowError::Eos] {
            let gate = Arc::new(Gate::default());
            let (sender, failures) = std::sync::mpsc::channel();
            let waiting = {
                let gate = gate.clone();
                std::thread::spawn(move || gate.pass(Err(failure), |error| sender.send(error).unwrap()))
            };
            assert_eq!(failures.recv(), Ok(failure));
            gate.release(true);
            assert_eq!(waiting.join().unwrap(), Ok(gst::FlowSuccess::Ok));
        }
    }
}
