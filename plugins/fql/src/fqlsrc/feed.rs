//! The queue and the thread behind a source pad: whatever is behind one pad never holds up the network or another
//! pad.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gst::prelude::*;

/// The most buffers and bytes that wait for downstream; more push out the oldest.
const MAX_BUFFERS: usize = 512;
const MAX_BYTES: usize = 64 << 20;
/// After so much silence nothing more is expected of a stream for now: its publisher is gone, and may come back.
const STILL: Duration = Duration::from_secs(2);

/// What goes through a pad.
enum Item {
    Buffer(gst::Buffer),
    Event(gst::Event),
    /// What a decoder holds back is to be shown.
    Drain,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    buffers: usize,
    bytes: usize,
    /// Buffers pushed out because nobody took them.
    dropped: u64,
    /// The next buffer follows a gap.
    discont: bool,
    flushing: bool,
    /// Since when a decoder that puts pictures in order waits for the next one.
    held_back: Option<Instant>,
    /// It was told to wait no longer.
    drained: bool,
    /// No more items; the thread ends when the queue is empty, or at once.
    closing: Option<Closing>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    WhenEmpty,
    AtOnce,
}

/// Says how downstream took a buffer; `false` where nothing more is to be pushed.
pub type OnFlow = Box<dyn Fn(&gst::Pad, Result<gst::FlowSuccess, gst::FlowError>) -> bool + Send>;

/// A queue for one pad.
#[derive(Default)]
pub struct Feed {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Feed {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread that empties the queue into the pad; at its end it calls `at_end`.
    pub fn spawn(
        self: &Arc<Self>,
        pad: gst::Pad,
        on_flow: OnFlow,
        at_end: impl FnOnce(&gst::Pad) + Send + 'static,
    ) -> std::io::Result<JoinHandle<()>> {
        let feed = self.clone();
        std::thread::Builder::new().name(pad.name().to_string()).spawn(move || {
            feed.run(&pad, &on_flow);
            at_end(&pad);
        })
    }

    fn run(&self, pad: &gst::Pad, on_flow: &OnFlow) {
        let mut flows = true;
        while let Some(item) = self.next() {
            match item {
                Item::Buffer(buffer) if flows => flows = on_flow(pad, pad.push(buffer)),
                Item::Buffer(_) => (),
                Item::Event(event) => {
                    // A new stream, after the end of the one before, flows again, and so does one after a flush.
                    flows |= matches!(event.type_(), gst::EventType::StreamStart | gst::EventType::Segment);
                    pad.push_event(event);
                }
                // A decoder ends the stream before at the start of another one, be it the same again. There is no
                // event that says just this: one for a gap does not, and the end of a segment ends more than that.
                Item::Drain if flows => {
                    if let Some(start) = pad.sticky_event::<gst::event::StreamStart>(0) {
                        pad.push_event(start.copy());
                    }
                }
                Item::Drain => (),
            }
        }
    }

    fn next(&self) -> Option<Item> {
        let mut queue = self.lock();
        loop {
            if queue.closing == Some(Closing::AtOnce) {
                return None;
            }
            if let Some(item) = queue.items.pop_front() {
                if let Item::Buffer(buffer) = &item {
                    queue.buffers -= 1;
                    queue.bytes -= buffer.size();
                }
                return Some(item);
            }
            if queue.closing.is_some() {
                return None;
            }
            let Some(since) = queue.held_back else {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = STILL.saturating_sub(since.elapsed());
            if left.is_zero() {
                (queue.held_back, queue.drained) = (None, true);
                return Some(Item::Drain);
            }
            queue = self.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What comes next goes to a decoder that puts pictures in order. Says whether it had to forget those before, after
    /// a silence: nothing can be predicted from them any more.
    pub fn resume(&self) -> bool {
        let mut queue = self.lock();
        queue.held_back = None;
        std::mem::take(&mut queue.drained)
    }

    /// A decoder may hold back what was queued until more comes, which it does not wait for without an end.
    pub fn may_hold_back(&self) {
        let mut queue = self.lock();
        if !queue.flushing && queue.closing.is_none() {
            queue.held_back = Some(Instant::now());
            self.changed.notify_one();
        }
    }

    /// Queues a buffer; where the queue is full the oldest one makes room.
    pub fn push_buffer(&self, mut buffer: gst::Buffer) {
        let mut queue = self.lock();
        if queue.flushing || queue.closing.is_some() {
            return;
        }
        while queue.buffers >= MAX_BUFFERS || (queue.buffers > 0 && queue.bytes + buffer.size() > MAX_BYTES) {
            queue.drop_oldest();
        }
        if std::mem::take(&mut queue.discont) {
            buffer.make_mut().set_flags(gst::BufferFlags::DISCONT);
        }
        queue.buffers += 1;
        queue.bytes += buffer.size();
        queue.items.push_back(Item::Buffer(buffer));
        self.changed.notify_one();
    }

    /// Queues an event, in order with the buffers.
    pub fn push_event(&self, event: gst::Event) {
        let mut queue = self.lock();
        if queue.closing.is_some() || (queue.flushing && !event.is_sticky()) {
            return;
        }
        if event.type_() == gst::EventType::Eos {
            queue.held_back = None;
        }
        queue.items.push_back(Item::Event(event));
        self.changed.notify_one();
    }

    /// Marks the next buffer as one after a gap.
    pub fn set_discont(&self) {
        self.lock().discont = true;
    }

    /// Drops all buffers, and those that come until this is called again with `false`.
    pub fn set_flushing(&self, flushing: bool) {
        let mut queue = self.lock();
        (queue.flushing, queue.held_back) = (flushing, None);
        let stays = |event: &gst::Event| event.is_sticky() && event.type_() != gst::EventType::Eos;
        queue.items.retain(|item| matches!(item, Item::Event(event) if stays(event)));
        (queue.buffers, queue.bytes) = (0, 0);
        queue.discont = true;
    }

    /// How many buffers were dropped because nobody took them.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Ends the thread when all that is queued is pushed.
    pub fn close_when_empty(&self) {
        self.lock().closing.get_or_insert(Closing::WhenEmpty);
        self.changed.notify_one();
    }

    /// Ends the thread as soon as it does not push any more.
    pub fn close(&self) {
        self.lock().closing = Some(Closing::AtOnce);
        self.changed.notify_one();
    }
}

impl Queue {
    fn drop_oldest(&mut self) {
        let Some(at) = self.items.iter().position(|item| matches!(item, Item::Buffer(_))) else { return };
        if let Some(Item::Buffer(buffer)) = self.items.remove(at) {
            self.buffers -= 1;
            self.bytes -= buffer.size();
            self.dropped += 1;
        }
        match self.items.iter_mut().skip(at).find_map(|item| match item {
            Item::Buffer(buffer) => Some(buffer),
            Item::Event(_) | Item::Drain => None,
        }) {
            Some(next) => next.make_mut().set_flags(gst::BufferFlags::DISCONT),
            None => self.discont = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pop(feed: &Feed) -> gst::Buffer {
        match feed.next() {
            Some(Item::Buffer(buffer)) => buffer,
            _ => panic!("a buffer should be queued"),
        }
    }

    fn buffer(n: u64) -> gst::Buffer {
        let mut buffer = gst::Buffer::with_size(1).unwrap();
        buffer.get_mut().unwrap().set_offset(n);
        buffer
    }

    #[test]
    fn a_full_queue_drops_the_oldest_and_says_so() {
        gst::init().unwrap();
        let feed = Feed::default();
        for n in 0..MAX_BUFFERS as u64 + 3 {
            feed.push_buffer(buffer(n));
        }
        assert_eq!(feed.dropped(), 3);
        let first = pop(&feed);
        assert_eq!(first.offset(), 3);
        assert!(first.flags().contains(gst::BufferFlags::DISCONT));
        assert!(!pop(&feed).flags().contains(gst::BufferFlags::DISCONT));
    }

    #[test]
    fn flushing_drops_buffers_and_keeps_what_a_stream_needs() {
        gst::init().unwrap();
        let feed = Feed::default();
        feed.push_event(gst::event::StreamStart::new("a"));
        feed.push_buffer(buffer(0));
        feed.set_flushing(true);
        feed.push_buffer(buffer(1));
        feed.push_event(gst::event::Gap::new(gst::ClockTime::ZERO, gst::ClockTime::ZERO));
        feed.set_flushing(false);
        feed.push_buffer(buffer(2));
        assert!(matches!(feed.next(), Some(Item::Event(_))));
        assert_eq!(pop(&feed).offset(), 2);
    }

    #[test]
    fn what_ended_downstream_flows_again_after_a_flush() {
        gst::init().unwrap();
        let feed = Arc::new(Feed::default());
        let (send, seen) = std::sync::mpsc::channel();
        let pad = gst::Pad::builder(gst::PadDirection::Src).build();
        // Not linked: what is pushed comes back as an error, and that is told.
        let on_flow: OnFlow = Box::new(move |_, _| {
            send.send(()).unwrap();
            false
        });
        feed.push_buffer(buffer(0));
        feed.push_buffer(buffer(1));
        let thread = feed.spawn(pad, on_flow, |_| {}).unwrap();
        seen.recv_timeout(Duration::from_secs(20)).unwrap();
        feed.push_event(super::super::streams::segment());
        feed.push_buffer(buffer(2));
        feed.close_when_empty();
        thread.join().unwrap();
        assert_eq!(
            seen.iter().count(),
            1,
            "the buffer before the segment is dropped, the one after it is not"
        );
    }

    #[test]
    fn after_a_silence_a_decoder_is_told_once_and_what_follows_is_said_to_be_forgotten() {
        gst::init().unwrap();
        let feed = Feed::default();
        let drains = |feed: &Feed| matches!(feed.next(), Some(Item::Drain));
        feed.push_buffer(buffer(0));
        feed.may_hold_back();
        assert!(!feed.resume(), "nothing was said yet");
        feed.may_hold_back();
        assert_eq!(pop(&feed).offset(), 0);
        assert!(drains(&feed));
        assert!(feed.resume() && !feed.resume());
        feed.push_buffer(buffer(1));
        feed.may_hold_back();
        feed.push_event(gst::event::Eos::new());
        assert_eq!(pop(&feed).offset(), 1);
        assert!(matches!(feed.next(), Some(Item::Event(_))));
        feed.close_when_empty();
        assert!(feed.next().is_none(), "an end needs no more words");
    }

    #[test]
    fn a_closed_feed_ends_after_what_is_queued_or_at_once() {
        gst::init().unwrap();
        let feed = Feed::default();
        feed.push_buffer(buffer(0));
        feed.push_buffer(buffer(1));
        feed.close_when_empty();
        feed.push_buffer(buffer(2));
        assert_eq!(pop(&feed).offset(), 0);
        feed.close();
        assert!(feed.next().is_none());
    }
}
